// SPDX-License-Identifier: GPL-2.0
/*
 * MSR accesses that user space answers, and the filter that picks them.
 */
#include "lodge_test.h"

#define LSTAR 0xc0000082

FIXTURE(filter) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(filter)
{
	lodge_dev_require_ext(KVM_CAP_X86_USER_SPACE_MSR,
			      "KVM_CAP_X86_USER_SPACE_MSR");
	lodge_dev_require_ext(KVM_CAP_X86_MSR_FILTER,
			      "KVM_CAP_X86_MSR_FILTER");
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	self->run = self->vcpu->run;
}

FIXTURE_TEARDOWN(filter)
{
	lodge_guest_teardown(&self->guest);
}

LODGE_GUEST64(read_msr,
	"rdmsr\n shl $32, %rdx\n mov %eax, %eax\n or %rdx, %rax\n hlt\n");
LODGE_GUEST64(write_msr, "wrmsr\n hlt\n");

static void start(struct lodge_guest *guest, bool write, uint32_t index,
		  uint64_t value)
{
	struct kvm_regs regs;

	lodge_guest_run_blob(guest, 64, write ? write_msr : read_msr,
			     write ? write_msr_end : read_msr_end);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	regs.rcx = index;
	regs.rax = (uint32_t)value;
	regs.rdx = value >> 32;
	lodge_vcpu_set_regs(&guest->vcpu, &regs);
}

static int ask_for(struct lodge_vm *vm, uint64_t reasons)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = reasons,
	};

	return lodge_vm_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

/* Denies one MSR, for reading or writing or both. */
static int deny(struct lodge_vm *vm, uint32_t index, uint32_t access)
{
	uint8_t bitmap[8] = { 0 };
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {
			.flags = access, .nmsrs = 1, .base = index,
			.bitmap = bitmap,
		},
	};

	return lodge_vm_ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &filter);
}

TEST_F(filter, denied_access_faults)
{
	ASSERT_EQ(0, deny(&self->guest.vm, LSTAR, KVM_MSR_FILTER_READ));
	start(&self->guest, false, LSTAR, 0);
	ASSERT_EQ(13, lodge_vcpu_expect_out(self->vcpu,
					    LODGE_GUEST_TRAP_PORT));
	start(&self->guest, true, LSTAR, 0x1000);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	start(&self->guest, false, 0xc0000083, 0);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(filter, user_space_answers_a_denied_read)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, ask_for(&self->guest.vm, KVM_MSR_EXIT_REASON_FILTER));
	ASSERT_EQ(0, deny(&self->guest.vm, LSTAR, KVM_MSR_FILTER_READ));
	start(&self->guest, false, LSTAR, 0);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_X86_RDMSR);
	ASSERT_EQ(LSTAR, self->run->msr.index);
	ASSERT_EQ(KVM_MSR_EXIT_REASON_FILTER, self->run->msr.reason);
	self->run->msr.data = 0x1122334455667788;
	self->run->msr.error = 0;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(self->vcpu, &regs);
	ASSERT_EQ(0x1122334455667788, regs.rax);
}

TEST_F(filter, user_space_sees_a_denied_write)
{
	ASSERT_EQ(0, ask_for(&self->guest.vm, KVM_MSR_EXIT_REASON_FILTER));
	ASSERT_EQ(0, deny(&self->guest.vm, LSTAR, KVM_MSR_FILTER_WRITE));
	start(&self->guest, true, LSTAR, 0x8877665544332211);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_X86_WRMSR);
	ASSERT_EQ(LSTAR, self->run->msr.index);
	ASSERT_EQ(0x8877665544332211, self->run->msr.data);
	self->run->msr.error = 0;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(filter, user_space_may_answer_with_a_fault)
{
	ASSERT_EQ(0, ask_for(&self->guest.vm, KVM_MSR_EXIT_REASON_FILTER));
	ASSERT_EQ(0, deny(&self->guest.vm, LSTAR, KVM_MSR_FILTER_READ));
	start(&self->guest, false, LSTAR, 0);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_X86_RDMSR);
	self->run->msr.error = 1;
	ASSERT_EQ(13, lodge_vcpu_expect_out(self->vcpu,
					    LODGE_GUEST_TRAP_PORT));
}

TEST_F(filter, unknown_registers_can_be_answered)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, ask_for(&self->guest.vm, KVM_MSR_EXIT_REASON_UNKNOWN |
			     KVM_MSR_EXIT_REASON_INVAL));
	start(&self->guest, false, 0xdeadbeef, 0);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_X86_RDMSR);
	ASSERT_EQ(0xdeadbeef, self->run->msr.index);
	ASSERT_NE(0, self->run->msr.reason & (KVM_MSR_EXIT_REASON_UNKNOWN |
					      KVM_MSR_EXIT_REASON_INVAL));
	self->run->msr.data = 0x77;
	self->run->msr.error = 0;
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(self->vcpu, &regs);
	ASSERT_EQ(0x77, regs.rax);
}

TEST_F(filter, illegal_values_can_be_answered)
{
	ASSERT_EQ(0, ask_for(&self->guest.vm, KVM_MSR_EXIT_REASON_INVAL));
	start(&self->guest, true, 0x277, 0x02);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_X86_WRMSR);
	ASSERT_EQ(0x277, self->run->msr.index);
	ASSERT_EQ(KVM_MSR_EXIT_REASON_INVAL, self->run->msr.reason);
}

TEST_F(filter, default_deny_lets_through_what_is_listed)
{
	uint8_t bitmap[8] = { 1 };
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.nmsrs = 1, .base = LSTAR, .bitmap = bitmap,
		},
	};

	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vm.fd, KVM_X86_SET_MSR_FILTER,
				    &filter));
	start(&self->guest, true, LSTAR, 0x1000);
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	start(&self->guest, true, 0xc0000083, 0x1000);
	ASSERT_EQ(13, lodge_vcpu_expect_out(self->vcpu,
					    LODGE_GUEST_TRAP_PORT));
	/* The caller's own access is not filtered. */
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, 0xc0000083, 1));
}

TEST_F(filter, ranges_are_checked)
{
	uint8_t bitmap[8] = { 0 };
	struct kvm_msr_filter filter = { .flags = 0 };

	filter.ranges[0] = (struct kvm_msr_filter_range){
		.flags = 1 << 5, .nmsrs = 1, .base = 0x10, .bitmap = bitmap,
	};
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->guest.vm.fd,
					  KVM_X86_SET_MSR_FILTER, &filter));
	filter.ranges[0].flags = KVM_MSR_FILTER_READ;
	filter.ranges[0].nmsrs = 0x7fffffff;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->guest.vm.fd,
					  KVM_X86_SET_MSR_FILTER, &filter));
	filter.ranges[0].nmsrs = 1;
	filter.ranges[0].bitmap = (void *)8;
	ASSERT_EQ(-EFAULT, lodge_vm_ioctl(self->guest.vm.fd,
					  KVM_X86_SET_MSR_FILTER, &filter));
	/* Default deny without a range would deny everything. */
	memset(&filter, 0, sizeof(filter));
	filter.flags = KVM_MSR_FILTER_DEFAULT_DENY;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->guest.vm.fd,
					  KVM_X86_SET_MSR_FILTER, &filter));
	filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
	ASSERT_EQ(0, lodge_vm_ioctl(self->guest.vm.fd, KVM_X86_SET_MSR_FILTER,
				    &filter));
	ASSERT_EQ(-EINVAL, ask_for(&self->guest.vm, 1 << 8));
}

LODGE_TEST_MAIN
