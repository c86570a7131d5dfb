// SPDX-License-Identifier: GPL-2.0
/*
 * Where the processor does not report the length of an intercepted
 * instruction, software finds it: with any prefixes, across a page boundary,
 * and while another vCPU rewrites the bytes.
 */
#include "lodge_test.h"

#define PAGE 4096UL
#define CODE 0x100000UL

LODGE_GUEST_FIXTURE(length);

/* What follows each instruction: report and halt. */
static const unsigned char tail[] = { 0xe7, LODGE_GUEST_PORT, 0xf4 };

static const struct insn {
	const char *name;
	unsigned char bytes[4];
	int size;
} insn[] = {
	{ "cpuid", { 0x0f, 0xa2 }, 2 },
	{ "rdmsr", { 0x0f, 0x32 }, 2 },
	{ "vmmcall", { 0x0f, 0x01, 0xd9 }, 3 },
	{ "hlt", { 0xf4 }, 1 },
};

static const struct prefix {
	const char *name;
	unsigned char bytes[15];
	int size;
} prefix[] = {
	{ "none", { 0 }, 0 },
	{ "66", { 0x66 }, 1 },
	{ "REX.W", { 0x48 }, 1 },
	{ "REX.WRXB", { 0x4f }, 1 },
	{ "segments", { 0x2e, 0x65, 0x3e }, 3 },
	{ "66 67 REX", { 0x66, 0x67, 0x41 }, 3 },
	{ "seven times 66", { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66 }, 7 },
	{ "twelve times 66", { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			       0x66, 0x66, 0x66, 0x66 }, 12 },
};

/* Puts prefixes, instruction and tail at @gpa; returns the length. */
static int assemble(struct lodge_guest *guest, uint64_t gpa,
		    const struct prefix *p, const struct insn *i)
{
	unsigned char *at = guest->vm.mem + gpa;

	memcpy(at, p->bytes, p->size);
	memcpy(at + p->size, i->bytes, i->size);
	memcpy(at + p->size + i->size, tail, sizeof(tail));
	return p->size + i->size;
}

static void start_at(struct lodge_guest *guest, uint64_t rip)
{
	struct kvm_regs regs;

	lodge_guest_set_ip(&guest->vcpu, rip);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	regs.rax = 0;
	regs.rcx = 0xc0000081;	/* for rdmsr */
	lodge_vcpu_set_regs(&guest->vcpu, &regs);
}

/* Runs one instruction; ends the case unless the next one is exactly there. */
static void run_one(struct lodge_guest *guest, const struct prefix *p,
		    const struct insn *i, uint64_t rip, int size)
{
	struct kvm_regs regs;
	int ret;

	start_at(guest, rip);
	if (i->size == 1) {
		ret = lodge_vcpu_run(&guest->vcpu);
		lodge_vcpu_get_regs(&guest->vcpu, &regs);
		lodge_check(ret == KVM_EXIT_HLT && regs.rip == rip + size,
			    "%s under %s: exit %d, rip +%lld", i->name,
			    p->name, ret, regs.rip - rip);
	}
	ret = lodge_vcpu_run(&guest->vcpu);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	lodge_check(ret == KVM_EXIT_IO &&
		    guest->vcpu.run->io.port == LODGE_GUEST_PORT,
		    "%s under %s: exit %d, rip +%lld, rax %#llx", i->name,
		    p->name, ret, regs.rip - rip, regs.rax);
	lodge_check(lodge_vcpu_run(&guest->vcpu) == KVM_EXIT_HLT,
		    "%s under %s: no halt", i->name, p->name);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	lodge_check(regs.rip == rip + size + sizeof(tail),
		    "%s under %s: ended at +%lld", i->name, p->name,
		    regs.rip - rip);
}

TEST_F(length, every_prefix_before_every_instruction)
{
	unsigned int i, p;

	lodge_guest_long(&self->guest.vcpu, CODE);
	for (i = 0; i < sizeof(insn) / sizeof(*insn); i++)
		for (p = 0; p < sizeof(prefix) / sizeof(*prefix); p++) {
			int size = assemble(&self->guest, CODE, &prefix[p],
					    &insn[i]);

			run_one(&self->guest, &prefix[p], &insn[i], CODE,
				size);
		}
}

/* F2 changes the meaning of many opcodes, but not of these. */
TEST_F(length, repeat_prefixes)
{
	static const struct prefix repeat[] = {
		{ "F2", { 0xf2 }, 1 },
		{ "F3", { 0xf3 }, 1 },
		{ "F2 66 REX", { 0xf2, 0x66, 0x48 }, 3 },
		{ "REX F2", { 0x48, 0xf2 }, 2 },
	};
	unsigned int i, p;

	lodge_guest_long(&self->guest.vcpu, CODE);
	for (i = 0; i < sizeof(insn) / sizeof(*insn); i++)
		for (p = 0; p < sizeof(repeat) / sizeof(*repeat); p++) {
			int size;

			if (insn[i].bytes[1] == 0x01)
				continue;	/* another instruction there */
			size = assemble(&self->guest, CODE, &repeat[p],
					&insn[i]);
			run_one(&self->guest, &repeat[p], &insn[i], CODE,
				size);
		}
}

TEST_F(length, sixteen_bytes_are_too_many)
{
	unsigned char *at = self->guest.vm.mem + CODE;

	memset(at, 0x66, 14);
	memcpy(at + 14, "\x0f\xa2", 2);
	lodge_guest_long(&self->guest.vcpu, CODE);
	ASSERT_EQ(13, lodge_vcpu_expect_out(&self->guest.vcpu,
					    LODGE_GUEST_TRAP_PORT));
}

TEST_F(length, real_and_protected_mode)
{
	static const struct prefix p32 = { "66 67 2e", { 0x66, 0x67, 0x2e },
					   3 };
	int size = assemble(&self->guest, LODGE_GUEST_CODE, &p32, &insn[0]);

	lodge_vcpu_set_cpuid(&self->guest.vcpu);
	lodge_guest_real(&self->guest.vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_expect(&self->guest.vcpu, KVM_EXIT_IO);
	lodge_guest_protected(&self->guest.vcpu, LODGE_GUEST_CODE);
	run_one(&self->guest, &p32, &insn[0], LODGE_GUEST_CODE, size);
}

/*
 * Maps two guest pages that follow each other to memory that does not, so
 * that bytes read without regard to the boundary are wrong.
 */
TEST_F(length, across_a_page_boundary)
{
	uint64_t *pt = (uint64_t *)(self->guest.vm.mem + 0xa000);
	unsigned char *first = self->guest.vm.mem + 0x120000;
	unsigned char *second = self->guest.vm.mem + 0x140000;
	const uint64_t gva = 0x40000000;
	unsigned int i, p;
	int split;

	pt[0] = 0x120000 | 3;
	pt[1] = 0x140000 | 3;
	memset(first + PAGE, 0xcc, 64);
	lodge_guest_map(&self->guest.vm, gva, 0xa000 | 3);
	lodge_guest_long(&self->guest.vcpu, gva);
	for (i = 0; i < sizeof(insn) / sizeof(*insn); i++)
		for (p = 0; p < sizeof(prefix) / sizeof(*prefix); p++) {
			unsigned char code[32];
			int size = prefix[p].size + insn[i].size;

			memcpy(code, prefix[p].bytes, prefix[p].size);
			memcpy(code + prefix[p].size, insn[i].bytes,
			       insn[i].size);
			memcpy(code + size, tail, sizeof(tail));
			for (split = 1; split < size; split += 2) {
				memcpy(first + PAGE - split, code, split);
				memcpy(second, code + split,
				       sizeof(code) - split);
				run_one(&self->guest, &prefix[p], &insn[i],
					gva + PAGE - split, size);
			}
		}
}

TEST_F(length, code_that_is_swapped_out_in_between)
{
	struct lodge_guest *guest = &self->guest;
	int i, size = assemble(guest, CODE, &prefix[5], &insn[0]);
	unsigned char copy[32];

	memcpy(copy, guest->vm.mem + CODE, sizeof(copy));
	lodge_guest_long(&guest->vcpu, CODE);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, madvise(guest->vm.mem + CODE, PAGE,
				     MADV_DONTNEED));
		memcpy(guest->vm.mem + CODE, copy, sizeof(copy));
		run_one(guest, &prefix[5], &insn[0], CODE, size);
	}
}

/* The first two bytes are the ones that change; what follows them stays. */
LODGE_GUEST64(rewritten,
	"1: .byte 0x90, 0x90, 0x0f, 0xa2\n"
	"incq 0x40000\n"
	"mov 0x40008, %eax\n"
	"test %eax, %eax\n"
	"jz 1b\n"
	"out %eax, $0xe9\n"
	"hlt\n");

static LODGE_GUEST_FN void rewrite(uint64_t gpa)
{
	volatile uint64_t *rounds = (uint64_t *)LODGE_GUEST_DATA;
	volatile uint16_t *code = (uint16_t *)gpa;

	while (*rounds < 2000) {
		*code = 0x6666;		/* 66 66 cpuid */
		*code = 0x9090;		/* nop, nop, cpuid */
		*code = 0x90f4;		/* hlt, nop, cpuid */
		*code = 0x6690;		/* nop, 66 cpuid */
		*code = 0x66f4;		/* hlt, 66 cpuid */
		*code = 0x9066;		/* 66 nop, cpuid */
	}
	lodge_guest_out(0x77, 0);
}

static void *run_halting(void *arg)
{
	struct lodge_runner *runner = arg;

	do {
		runner->last = lodge_vcpu_run(runner->vcpu);
	} while (runner->last == KVM_EXIT_HLT || runner->last == -EINTR);
	return NULL;
}

/*
 * Whatever is read back after the exit, the vCPU must go on at a boundary of
 * one of the versions: an exception would say that it did not. The versions
 * are chosen so that from every boundary of each all others lead to the
 * counter: only the byte in the middle of CPUID may not be reached.
 */
TEST_F(length, code_rewritten_by_another_vcpu)
{
	volatile uint64_t *data = (void *)(self->guest.vm.mem +
					   LODGE_GUEST_DATA);
	struct lodge_runner runner = { .vcpu = &self->guest.vcpu };
	struct lodge_vcpu writer;

	lodge_vcpu_create(&self->guest.vm, &writer, 1);
	lodge_guest_load(&self->guest.vm, CODE, rewritten, rewritten_end);
	lodge_guest_long(&self->guest.vcpu, CODE);
	lodge_guest_call(&writer, rewrite, CODE);
	ASSERT_EQ(0, pthread_create(&runner.thread, NULL, run_halting,
				    &runner));
	lodge_vcpu_expect(&writer, KVM_EXIT_IO);
	ASSERT_EQ(0x77, writer.run->io.port);
	data[1] = 5;
	ASSERT_EQ(0, pthread_join(runner.thread, NULL));
	ASSERT_EQ(KVM_EXIT_IO, runner.last);
	ASSERT_EQ(LODGE_GUEST_PORT, self->guest.vcpu.run->io.port) {
		TH_LOG("exception %#x after %llu rounds",
		       *(uint32_t *)lodge_vcpu_pio_data(&self->guest.vcpu),
		       (long long)data[0]);
	}
	ASSERT_LE(2000, data[0]);
}

LODGE_TEST_MAIN
