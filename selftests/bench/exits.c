// SPDX-License-Identifier: GPL-2.0
/*
 * What one exit costs, in ticks of the virtual host's TSC.
 *
 * usage: LODGE_DEVICE=/dev/... exits [ROUNDS [NAME]]
 *
 * Under QEMU's -icount shift=0 the TSC counts instructions of the emulated
 * processor, so that the figures repeat; anywhere else they are times. The
 * rounds are done in batches, and the cheapest batch counts: what disturbs one,
 * a timer or a thread of the kernel, does not disturb all.
 *
 * Prints "NAME TICKS FETCH DONE" lines: ticks per round with the cost of the
 * loop taken off; the part of them in which the hypervisor read instruction
 * bytes (0 unless it counts that; see the parameter measure_fetch), on average;
 * and how many rounds were done in all, those for warming up included.
 */
#include <linux/kvm.h>
#include <x86intrin.h>

#include "lodge_test.h"

#define VECTOR		0x40
#define HANDLER		(LODGE_GUEST_CODE + 0x1000)
#define TOUCH_SLOT	1
#define TOUCH_GPA	0x40000000UL

#define BATCHES		10

static unsigned long batch = 100;	/* rounds in one */
static unsigned long done;		/* rounds since the guest was made */

static uint64_t now(void)
{
	unsigned int aux;

	return __rdtscp(&aux);
}

/* In the kernel: R15 rounds of the instruction, then OUT. */
LODGE_GUEST64(empty_loop, "1: nop\n dec %r15\n jnz 1b\n out %eax, $0xe9\n");
LODGE_GUEST64(cpuid_loop, "1: xor %eax, %eax\n xor %ecx, %ecx\n cpuid\n dec %r15\n jnz 1b\n out %eax, $0xe9\n");
LODGE_GUEST64(rdmsr_loop, "1: mov $0xc0000080, %ecx\n rdmsr\n dec %r15\n jnz 1b\n out %eax, $0xe9\n");
LODGE_GUEST64(vmcall_loop, "1: mov $0x1000, %eax\n vmmcall\n dec %r15\n jnz 1b\n out %eax, $0xe9\n");
/* RBX goes on from batch to batch. */
LODGE_GUEST64(touch_loop,
	"1: mov %eax, (%rbx)\n add $0x1000, %rbx\n dec %r15\n jnz 1b\n out %eax, $0xe9\n");

/* To user space and back, for ever. */
LODGE_GUEST64(out_loop, "1: out %al, $0x80\n jmp 1b\n");
LODGE_GUEST64(mmio_loop, "mov $0x80000000, %ebx\n 1: mov (%rbx), %eax\n jmp 1b\n");
LODGE_GUEST64(hlt_loop, "1: sti\n hlt\n jmp 1b\n");
LODGE_GUEST64(irq_handler, "iretq\n");

static void set_rounds(struct lodge_vcpu *vcpu, uint64_t rbx)
{
	struct kvm_regs regs;

	lodge_vcpu_get_regs(vcpu, &regs);
	regs.r15 = batch;
	regs.rbx = rbx;
	lodge_vcpu_set_regs(vcpu, &regs);
}

/* The vCPU's counter of this name, or 0 if there is none. */
static uint64_t vcpu_stat(struct lodge_vcpu *vcpu, const char *name)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	size_t size;
	uint64_t value = 0;
	unsigned int i;
	int fd = ioctl(vcpu->fd, KVM_GET_STATS_FD, NULL);

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return 0;
	size = sizeof(*desc) + header.name_size;
	desc = calloc(1, size);
	for (i = 0; i < header.num_desc; i++) {
		if (pread(fd, desc, size, header.desc_offset + i * size) != (ssize_t)size)
			break;
		if (!strcmp(desc->name, name) &&
		    pread(fd, &value, sizeof(value), header.data_offset + desc->offset) == sizeof(value))
			break;
	}
	free(desc);
	close(fd);
	return value;
}

static uint64_t fetch_ticks(struct lodge_guest *guest)
{
	return vcpu_stat(&guest->vcpu, "insn_fetch_cycles");
}

static void setup(struct lodge_guest *guest)
{
	lodge_guest_setup(guest);
	lodge_vcpu_set_cpuid(&guest->vcpu);
	done = 0;
}

/* @ticks: of the cheapest batch; @fetch: in all rounds so far */
static void report(const char *name, uint64_t ticks, uint64_t fetch)
{
	printf("%s %llu %llu %lu\n", name, (unsigned long long)ticks / batch, (unsigned long long)fetch / done, done);
}

static uint64_t cheaper(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One batch in the guest. */
static uint64_t time_blob(struct lodge_guest *guest, const unsigned char *code, const unsigned char *end, uint64_t rbx)
{
	uint64_t start;

	lodge_guest_run_blob(guest, 64, code, end);
	set_rounds(&guest->vcpu, rbx);
	start = now();
	lodge_vcpu_expect_out(&guest->vcpu, LODGE_GUEST_PORT);
	return now() - start;
}

/* What the loop around the instruction costs, with everything in place. */
static uint64_t time_empty(struct lodge_guest *guest)
{
	uint64_t ticks = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < BATCHES; i++)
		ticks = cheaper(ticks, time_blob(guest, empty_loop, empty_loop_end, 0));
	return ticks;
}

static void in_kernel(const char *name, const unsigned char *code, const unsigned char *end)
{
	struct lodge_guest guest;
	uint64_t ticks = UINT64_MAX;
	unsigned int i;

	setup(&guest);
	for (i = 0; i < BATCHES; i++, done += batch)
		ticks = cheaper(ticks, time_blob(&guest, code, end, 0));
	report(name, ticks - time_empty(&guest), fetch_ticks(&guest));
	lodge_guest_teardown(&guest);
}

/* Host pages are there and are small, so that each round is one fault and nothing else. */
static void touch(void)
{
	struct lodge_guest guest;
	size_t size = BATCHES * batch * 4096;
	uint64_t loop, ticks = UINT64_MAX;
	unsigned int i;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	lodge_check(mem != MAP_FAILED, "mmap");
	madvise(mem, size, MADV_NOHUGEPAGE);
	memset(mem, 1, size);
	setup(&guest);
	lodge_vm_set_region(&guest.vm, TOUCH_SLOT, 0, TOUCH_GPA, size, mem);
	loop = time_empty(&guest);
	for (i = 0; i < BATCHES; i++, done += batch)
		ticks = cheaper(ticks, time_blob(&guest, touch_loop, touch_loop_end, TOUCH_GPA + done * 4096));
	report("touch", ticks - loop, 0);
	lodge_guest_teardown(&guest);
	munmap(mem, size);
}

/* One round trip to user space, whatever the caller does before it. */
typedef void (*round_fn)(struct lodge_vcpu *vcpu, int reason);

static void expect(struct lodge_vcpu *vcpu, int reason)
{
	lodge_vcpu_expect(vcpu, reason);
}

static uint64_t time_rounds(struct lodge_vcpu *vcpu, round_fn fn, int reason)
{
	uint64_t start = now();
	unsigned long i;

	for (i = 0; i < batch; i++)
		fn(vcpu, reason);
	done += batch;
	return now() - start;
}

static void time_user(const char *name, struct lodge_guest *guest, round_fn fn, int reason)
{
	uint64_t ticks = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < BATCHES; i++)
		ticks = cheaper(ticks, time_rounds(&guest->vcpu, fn, reason));
	report(name, ticks, fetch_ticks(guest));
	lodge_guest_teardown(guest);
}

static void to_user(const char *name, const unsigned char *code, const unsigned char *end, int reason)
{
	struct lodge_guest guest;

	setup(&guest);
	lodge_guest_run_blob(&guest, 64, code, end);
	time_user(name, &guest, expect, reason);
}

static void add_handler(struct lodge_vm *vm)
{
	uint64_t *gate = (uint64_t *)(vm->mem + LODGE_GUEST_IDT + VECTOR * 16);

	lodge_guest_load(vm, HANDLER, irq_handler, irq_handler_end);
	gate[0] = (HANDLER & 0xffff) | (uint64_t)LODGE_GUEST_CS64 << 16 | 0x8e00ull << 32 |
		  (HANDLER >> 16 & 0xffff) << 48;
	gate[1] = HANDLER >> 32;
}

/* Halt, interrupt from user space, handler, halt again. */
static void interrupt(struct lodge_vcpu *vcpu, int reason)
{
	struct kvm_interrupt irq = { .irq = VECTOR };

	lodge_check(!ioctl(vcpu->fd, KVM_INTERRUPT, &irq), "KVM_INTERRUPT");
	lodge_vcpu_expect(vcpu, reason);
}

static void halt(void)
{
	struct lodge_guest guest;

	setup(&guest);
	lodge_guest_start(&guest, 64, hlt_loop);
	add_handler(&guest.vm);
	lodge_vcpu_expect(&guest.vcpu, KVM_EXIT_HLT);
	time_user("hlt", &guest, interrupt, KVM_EXIT_HLT);
}

int main(int argc, char **argv)
{
	const char *only = argc > 2 ? argv[2] : NULL;

	lodge_dev_require();
	if (argc > 1)
		batch = strtoul(argv[1], NULL, 0) / BATCHES;
	lodge_check(batch, "at least 10 rounds");
#define RUN(name, call) do { if (!only || !strcmp(only, name)) call; } while (0)
	RUN("cpuid", in_kernel("cpuid", cpuid_loop, cpuid_loop_end));
	RUN("rdmsr", in_kernel("rdmsr", rdmsr_loop, rdmsr_loop_end));
	RUN("vmcall", in_kernel("vmcall", vmcall_loop, vmcall_loop_end));
	RUN("hlt", halt());
	RUN("out", to_user("out", out_loop, out_loop_end, KVM_EXIT_IO));
	RUN("mmio", to_user("mmio", mmio_loop, mmio_loop_end, KVM_EXIT_MMIO));
	RUN("touch", touch());
	return 0;
}
