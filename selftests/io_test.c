// SPDX-License-Identifier: GPL-2.0
/*
 * Port accesses leave the guest with the right width, direction, count and
 * data, and what user space answers reaches the right registers and memory.
 */
#include "lodge_test.h"

#define PORT 0x510

LODGE_GUEST_FIXTURE(io);

LODGE_GUEST64(out_all,
	"mov $0x11223344, %eax\n"
	"out %al, $0x42\n"
	"out %ax, $0x42\n"
	"out %eax, $0x42\n"
	"mov $0x510, %edx\n"
	"out %al, %dx\n"
	"out %ax, %dx\n"
	"out %eax, %dx\n"
	"hlt\n");

TEST_F(io, out_has_each_width)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	static const uint32_t value[] = { 0x44, 0x3344, 0x11223344 };
	int i;

	lodge_guest_start(&self->guest, 64, out_all);
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(value[i % 3],
			  lodge_vcpu_expect_out(vcpu, i < 3 ? 0x42 : PORT));
		ASSERT_EQ(1 << i % 3, vcpu->run->io.size);
		ASSERT_EQ(4096, vcpu->run->io.data_offset);
	}
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

LODGE_GUEST64(in_all,
	"mov $0x510, %edx\n"
	"mov $-1, %rax\n"
	"in %dx, %al\n"
	"mov %rax, %rbx\n"
	"mov $-1, %rax\n"
	"in %dx, %ax\n"
	"mov %rax, %rcx\n"
	"mov $-1, %rax\n"
	"in $0x42, %eax\n"
	"hlt\n");

TEST_F(io, in_fills_only_its_width)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t answer = 0xa1b2c3d4;
	struct kvm_regs regs;
	int size;

	lodge_guest_start(&self->guest, 64, in_all);
	for (size = 1; size <= 4; size *= 2) {
		lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
		ASSERT_EQ(KVM_EXIT_IO_IN, vcpu->run->io.direction);
		ASSERT_EQ(size, vcpu->run->io.size);
		ASSERT_EQ(1, vcpu->run->io.count);
		ASSERT_EQ(size == 4 ? 0x42 : PORT, vcpu->run->io.port);
		memcpy(lodge_vcpu_pio_data(vcpu), &answer, size);
	}
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0xffffffffffffffd4ULL, regs.rbx);
	ASSERT_EQ(0xffffffffffffc3d4ULL, regs.rcx);
	ASSERT_EQ(0xa1b2c3d4ULL, regs.rax);
}

LODGE_GUEST64(outs_each,
	"mov $0x510, %edx\n"
	"mov $0x40000, %esi\n"
	"mov $5, %ecx\n"
	"rep outsb\n"
	"mov $3, %ecx\n"
	"rep outsw\n"
	"mov $2, %ecx\n"
	"rep outsl\n"
	"xor %ecx, %ecx\n"
	"rep outsl\n"
	"outsb\n"
	"hlt\n");

/* Collect @total elements of @size bytes, however many come per exit. */
static void collect(struct lodge_vcpu *vcpu, int size, int total, void *to)
{
	struct kvm_run *run = vcpu->run;
	char *next = to;

	while (total > 0) {
		lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
		lodge_check(run->io.direction == KVM_EXIT_IO_OUT &&
			    run->io.port == PORT && run->io.size == size,
			    "port %#x size %u", run->io.port, run->io.size);
		lodge_check(run->io.count && run->io.count <= total,
			    "count %u of %d", run->io.count, total);
		memcpy(next, lodge_vcpu_pio_data(vcpu), size * run->io.count);
		next += size * run->io.count;
		total -= run->io.count;
	}
}

TEST_F(io, string_out_sends_memory_in_order)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	unsigned char sent[20], *data = self->guest.vm.mem + 0x40000;
	struct kvm_regs regs;
	int i;

	for (i = 0; i < 20; i++)
		data[i] = 0x30 + i;
	lodge_guest_start(&self->guest, 64, outs_each);
	collect(vcpu, 1, 5, sent);
	collect(vcpu, 2, 3, sent + 5);
	collect(vcpu, 4, 2, sent + 11);
	collect(vcpu, 1, 1, sent + 19);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, memcmp(sent, data, 20));
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x40000 + 20, regs.rsi);
	ASSERT_EQ(0, regs.rcx);
}

LODGE_GUEST64(ins_each,
	"mov $0x510, %edx\n"
	"mov $0x40ff0, %edi\n"
	"mov $100, %ecx\n"
	"rep insb\n"
	"mov $3, %ecx\n"
	"rep insl\n"
	"std\n"
	"mov $0x42010, %edi\n"
	"mov $4, %ecx\n"
	"rep insw\n"
	"hlt\n");

static void supply(struct lodge_vcpu *vcpu, int size, int total,
		   unsigned char *next)
{
	struct kvm_run *run = vcpu->run;
	unsigned int i;

	while (total > 0) {
		lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
		lodge_check(run->io.direction == KVM_EXIT_IO_IN &&
			    run->io.port == PORT && run->io.size == size,
			    "port %#x size %u", run->io.port, run->io.size);
		lodge_check(run->io.count && run->io.count <= total &&
			    run->io.count * size <= 4096,
			    "count %u of %d", run->io.count, total);
		for (i = 0; i < run->io.count * size; i++)
			((unsigned char *)lodge_vcpu_pio_data(vcpu))[i] =
				(*next)++;
		total -= run->io.count;
	}
}

TEST_F(io, string_in_fills_memory_both_ways)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	unsigned char *mem = self->guest.vm.mem;
	unsigned char next = 1;
	struct kvm_regs regs;
	int i;

	lodge_guest_start(&self->guest, 64, ins_each);
	supply(vcpu, 1, 100, &next);
	supply(vcpu, 4, 3, &next);
	supply(vcpu, 2, 4, &next);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	for (i = 0; i < 112; i++) {
		ASSERT_EQ(1 + i, mem[0x40ff0 + i]);
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(113 + 2 * i, mem[0x42010 - 2 * i]);
		ASSERT_EQ(114 + 2 * i, mem[0x42011 - 2 * i]);
	}
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x42010 - 8, regs.rdi);
	ASSERT_EQ(0, regs.rcx);
}

LODGE_GUEST16(real_mode,
	"mov $0x510, %dx\n"
	"mov $0x2000, %ax\n"
	"mov %ax, %es\n"
	"mov %ax, %ds\n"
	"mov $0x10, %di\n"
	"mov $4, %cx\n"
	"cld\n"
	"rep insb\n"
	"mov $0x10, %si\n"
	"mov $4, %cx\n"
	"rep outsb\n"
	"hlt\n");

TEST_F(io, string_io_in_real_mode_uses_segments)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	unsigned char next = 0x61, sent[4];

	lodge_guest_start(&self->guest, 16, real_mode);
	supply(vcpu, 1, 4, &next);
	collect(vcpu, 1, 4, sent);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, memcmp(sent, "abcd", 4));
	ASSERT_EQ(0, memcmp(self->guest.vm.mem + 0x20010, "abcd", 4));
}

LODGE_GUEST64(read_then_halt,
	"mov $0x510, %edx\n"
	"in %dx, %eax\n"
	"1: jmp 1b\n");

TEST_F(io, read_completes_on_reentry_with_immediate_exit)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t answer = 0x5eed5eed;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, read_then_halt);
	lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
	memcpy(lodge_vcpu_pio_data(vcpu), &answer, 4);
	vcpu->run->immediate_exit = 1;
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(answer, regs.rax);
	ASSERT_EQ(LODGE_GUEST_CODE + 6, regs.rip);
}

LODGE_GUEST64(no_memory,
	"mov $0x510, %edx\n"
	"mov $0x80000000, %edi\n"
	"mov $1, %ecx\n"
	"rep insb\n"
	"hlt\n");

TEST_F(io, string_in_to_mmio_is_two_exits)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, no_memory);
	lodge_vcpu_expect(vcpu, KVM_EXIT_IO);
	ASSERT_EQ(KVM_EXIT_IO_IN, vcpu->run->io.direction);
	*(unsigned char *)lodge_vcpu_pio_data(vcpu) = 0x77;
	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	ASSERT_EQ(LODGE_GUEST_MMIO, vcpu->run->mmio.phys_addr);
	ASSERT_EQ(1, vcpu->run->mmio.is_write);
	ASSERT_EQ(1, vcpu->run->mmio.len);
	ASSERT_EQ(0x77, vcpu->run->mmio.data[0]);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

LODGE_TEST_MAIN
