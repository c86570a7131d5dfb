// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to guest addresses without memory leave the guest with address,
 * width, direction and data, and the answer reaches the right register.
 */
#include "lodge_test.h"

#define MMIO LODGE_GUEST_MMIO

LODGE_GUEST_FIXTURE(mmio);

static void expect_write(struct lodge_vcpu *vcpu, uint64_t gpa, int len,
			 uint64_t data)
{
	struct kvm_run *run = vcpu->run;

	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	lodge_check(run->mmio.is_write && run->mmio.phys_addr == gpa &&
		    run->mmio.len == len && !memcmp(run->mmio.data, &data, len),
		    "wanted write %#llx/%d %#llx, got write %d %#llx/%u %#llx",
		    (long long)gpa, len, (long long)data, run->mmio.is_write,
		    run->mmio.phys_addr, run->mmio.len,
		    *(long long *)run->mmio.data);
}

static void expect_read(struct lodge_vcpu *vcpu, uint64_t gpa, int len,
			uint64_t answer)
{
	struct kvm_run *run = vcpu->run;

	lodge_vcpu_expect(vcpu, KVM_EXIT_MMIO);
	lodge_check(!run->mmio.is_write && run->mmio.phys_addr == gpa &&
		    run->mmio.len == len,
		    "wanted read %#llx/%d, got write %d %#llx/%u",
		    (long long)gpa, len, run->mmio.is_write,
		    run->mmio.phys_addr, run->mmio.len);
	memcpy(run->mmio.data, &answer, len);
}

LODGE_GUEST64(write_all,
	"mov $0x80000000, %edi\n"
	"mov $0x1122334455667788, %rax\n"
	"mov %al, (%rdi)\n"
	"mov %ah, 1(%rdi)\n"
	"mov %ax, 2(%rdi)\n"
	"mov %eax, 4(%rdi)\n"
	"mov %rax, 8(%rdi)\n"
	"movb $0x5a, 3(%rdi)\n"
	"movw $0x5a5b, 3(%rdi)\n"
	"movl $0x5a5b5c5d, 3(%rdi)\n"
	"movq $-2, 3(%rdi)\n"
	"hlt\n");

TEST_F(mmio, write_has_each_width)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, write_all);
	expect_write(vcpu, MMIO, 1, 0x88);
	expect_write(vcpu, MMIO + 1, 1, 0x77);
	expect_write(vcpu, MMIO + 2, 2, 0x7788);
	expect_write(vcpu, MMIO + 4, 4, 0x55667788);
	expect_write(vcpu, MMIO + 8, 8, 0x1122334455667788);
	expect_write(vcpu, MMIO + 3, 1, 0x5a);
	expect_write(vcpu, MMIO + 3, 2, 0x5a5b);
	expect_write(vcpu, MMIO + 3, 4, 0x5a5b5c5d);
	expect_write(vcpu, MMIO + 3, 8, -2ULL);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

LODGE_GUEST64(read_all,
	"mov $0x80000000, %edi\n"
	"mov $-1, %rax\n"
	"mov %rax, %rbx\n mov %rax, %rcx\n mov %rax, %rdx\n"
	"mov %rax, %r8\n mov %rax, %r9\n mov %rax, %r10\n"
	"mov (%rdi), %al\n"
	"mov 2(%rdi), %bx\n"
	"mov 4(%rdi), %ecx\n"
	"mov 8(%rdi), %rdx\n"
	"movzbl 1(%rdi), %r8d\n"
	"movswq 2(%rdi), %r9\n"
	"movslq 4(%rdi), %r10\n"
	"hlt\n");

TEST_F(mmio, read_fills_only_its_width)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, read_all);
	expect_read(vcpu, MMIO, 1, 0x12);
	expect_read(vcpu, MMIO + 2, 2, 0x1234);
	expect_read(vcpu, MMIO + 4, 4, 0x12345678);
	expect_read(vcpu, MMIO + 8, 8, 0x123456789abcdef0);
	expect_read(vcpu, MMIO + 1, 1, 0x80);
	expect_read(vcpu, MMIO + 2, 2, 0x8001);
	expect_read(vcpu, MMIO + 4, 4, 0x80000001);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0xffffffffffffff12ULL, regs.rax);
	ASSERT_EQ(0xffffffffffff1234ULL, regs.rbx);
	ASSERT_EQ(0x12345678ULL, regs.rcx);
	ASSERT_EQ(0x123456789abcdef0ULL, regs.rdx);
	ASSERT_EQ(0x80ULL, regs.r8);
	ASSERT_EQ(0xffffffffffff8001ULL, regs.r9);
	ASSERT_EQ(0xffffffff80000001ULL, regs.r10);
}

LODGE_GUEST64(modify_all,
	"mov $0x80000000, %edi\n"
	"mov $0x0f, %eax\n"
	"orl %eax, (%rdi)\n"
	"pushf\n pop %rbx\n"
	"xchgw %ax, 4(%rdi)\n"
	"mov %rax, %rcx\n"
	"cmpb $0x10, 6(%rdi)\n"
	"sete %dl\n"
	"incl 8(%rdi)\n"
	"notb 9(%rdi)\n"
	"shll $4, 12(%rdi)\n"
	"btsl $3, 16(%rdi)\n"
	"setc %dh\n"
	"mov $5, %eax\n"
	"mov $9, %r8d\n"
	"lock cmpxchgl %r8d, 20(%rdi)\n"
	"sete %r9b\n"
	"lock xaddl %r8d, 24(%rdi)\n"
	"hlt\n");

TEST_F(mmio, read_modify_write)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, modify_all);
	expect_read(vcpu, MMIO, 4, 0x80000000);
	expect_write(vcpu, MMIO, 4, 0x8000000f);
	expect_read(vcpu, MMIO + 4, 2, 0xbeef);
	expect_write(vcpu, MMIO + 4, 2, 0x0f);
	expect_read(vcpu, MMIO + 6, 1, 0x10);
	expect_read(vcpu, MMIO + 8, 4, 0xffffffff);
	expect_write(vcpu, MMIO + 8, 4, 0);
	expect_read(vcpu, MMIO + 9, 1, 0x0f);
	expect_write(vcpu, MMIO + 9, 1, 0xf0);
	expect_read(vcpu, MMIO + 12, 4, 0x12345678);
	expect_write(vcpu, MMIO + 12, 4, 0x23456780);
	expect_read(vcpu, MMIO + 16, 4, 0x8);
	expect_write(vcpu, MMIO + 16, 4, 0x8);
	expect_read(vcpu, MMIO + 20, 4, 5);
	expect_write(vcpu, MMIO + 20, 4, 9);
	expect_read(vcpu, MMIO + 24, 4, 0x100);
	expect_write(vcpu, MMIO + 24, 4, 0x109);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x80, regs.rbx & 0xc1);	/* SF only */
	ASSERT_EQ(0xbeef, regs.rcx);
	ASSERT_EQ(0x0101, regs.rdx & 0xffff);
	ASSERT_EQ(1, regs.r9 & 0xff);
	ASSERT_EQ(0x100, regs.r8);
}

LODGE_GUEST64(strings,
	"cld\n"
	"mov $0x80000000, %edi\n"
	"mov $0x1234, %eax\n"
	"mov $3, %ecx\n"
	"rep stosw\n"
	"mov $0x80000100, %esi\n"
	"mov $0x40000, %edi\n"
	"mov $2, %ecx\n"
	"rep movsl\n"
	"mov $0x40000, %esi\n"
	"mov $0x80000200, %edi\n"
	"movsq\n"
	"mov $0x80000300, %esi\n"
	"lodsb\n"
	"hlt\n");

TEST_F(mmio, string_instructions_move_each_element)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;
	int i;

	lodge_guest_start(&self->guest, 64, strings);
	for (i = 0; i < 3; i++)
		expect_write(vcpu, MMIO + 2 * i, 2, 0x1234);
	for (i = 0; i < 2; i++)
		expect_read(vcpu, MMIO + 0x100 + 4 * i, 4, 0xabcd0000 + i);
	expect_write(vcpu, MMIO + 0x200, 8, 0xabcd0001abcd0000);
	expect_read(vcpu, MMIO + 0x300, 1, 0x99);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x1299, regs.rax);
	ASSERT_EQ(0, regs.rcx);
	ASSERT_EQ(MMIO + 0x301, regs.rsi);
	ASSERT_EQ(MMIO + 0x208, regs.rdi);
}

LODGE_GUEST64(vectors,
	"mov $0x80000000, %edi\n"
	"mov $0x40000, %esi\n"
	"movups (%rsi), %xmm1\n"
	"movups %xmm1, (%rdi)\n"
	"movdqu 0x20(%rdi), %xmm2\n"
	"movups %xmm2, 0x10(%rsi)\n"
	"hlt\n");

TEST_F(mmio, sixteen_bytes_are_two_exits)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	unsigned char *data = self->guest.vm.mem + 0x40000;
	uint64_t got[2];

	memcpy(data, "0123456789abcdef", 16);
	lodge_guest_start(&self->guest, 64, vectors);
	expect_write(vcpu, MMIO, 8, 0x3736353433323130);
	expect_write(vcpu, MMIO + 8, 8, 0x6665646362613938);
	expect_read(vcpu, MMIO + 0x20, 8, 0x1111222233334444);
	expect_read(vcpu, MMIO + 0x28, 8, 0x5555666677778888);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	memcpy(got, data + 16, 16);
	ASSERT_EQ(0x1111222233334444ULL, got[0]);
	ASSERT_EQ(0x5555666677778888ULL, got[1]);
}

LODGE_GUEST64(crossing,
	"mov $0x80000ffd, %edi\n"
	"mov $0x1122334455667788, %rax\n"
	"mov %rax, (%rdi)\n"
	"mov (%rdi), %rbx\n"
	"mov $0x7fffffe, %edi\n"
	"hlt\n");

TEST_F(mmio, access_across_pages_is_split)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, crossing);
	expect_write(vcpu, MMIO + 0xffd, 3, 0x667788);
	expect_write(vcpu, MMIO + 0x1000, 5, 0x1122334455);
	expect_read(vcpu, MMIO + 0xffd, 3, 0xccbbaa);
	expect_read(vcpu, MMIO + 0x1000, 5, 0x5544332211);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x5544332211ccbbaaULL, regs.rbx);
}

LODGE_GUEST64(half_memory,
	"mov $0x3ffffc, %edi\n"
	"mov $0x1122334455667788, %rax\n"
	"mov %rax, (%rdi)\n"
	"mov (%rdi), %rbx\n"
	"hlt\n");

TEST_F(mmio, access_across_the_end_of_memory)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint32_t *last = (void *)(self->guest.vm.mem + 0x3ffffc);
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, half_memory);
	expect_write(vcpu, 0x400000, 4, 0x11223344);
	expect_read(vcpu, 0x400000, 4, 0x99999999);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x9999999955667788ULL, regs.rbx);
	ASSERT_EQ(0x55667788, *last);
}

LODGE_GUEST16(real_mode,
	"mov $0xf000, %ax\n"
	"mov %ax, %es\n"
	"movw $0x1234, %es:0x10\n"
	"mov %es:0x20, %bl\n"
	"hlt\n");

TEST_F(mmio, real_mode_segment_and_displacement)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	/* Take the first MiB away from 0xf0000 upwards. */
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 0, 0, 0, 0, NULL));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 0, 0, 0, 0xf0000,
					 self->guest.vm.mem));
	lodge_guest_start(&self->guest, 16, real_mode);
	expect_write(vcpu, 0xf0010, 2, 0x1234);
	expect_read(vcpu, 0xf0020, 1, 0x42);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0x42, regs.rbx & 0xff);
}

LODGE_GUEST32(stack_ops,
	"mov $0x80000000, %edi\n"
	"mov $0x70000, %esp\n"
	"pushl (%edi)\n"
	"popl 4(%edi)\n"
	"movl $0x7, 8(%edi)\n"
	"testb $1, 12(%edi)\n"
	"setnz %al\n"
	"hlt\n");

TEST_F(mmio, push_and_pop_of_memory_operands)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 32, stack_ops);
	expect_read(vcpu, MMIO, 4, 0xfeedface);
	expect_write(vcpu, MMIO + 4, 4, 0xfeedface);
	expect_write(vcpu, MMIO + 8, 4, 7);
	expect_read(vcpu, MMIO + 12, 1, 3);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(1, regs.rax & 0xff);
	ASSERT_EQ(0x70000, regs.rsp);
}

LODGE_GUEST64(spin_after_read,
	"mov $0x80000000, %edi\n"
	"mov (%rdi), %eax\n"
	"1: jmp 1b\n");

TEST_F(mmio, read_completes_on_reentry_with_immediate_exit)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, spin_after_read);
	expect_read(vcpu, MMIO, 4, 0xcafe);
	vcpu->run->immediate_exit = 1;
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0xcafe, regs.rax);
	ASSERT_EQ(LODGE_GUEST_CODE + 7, regs.rip);
}

LODGE_TEST_MAIN
