// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's time stamp counter: what writes by the guest and by user space
 * do to it and to TSC_ADJUST, and how a VM's vCPUs come to have one TSC.
 */
#include "lodge_test.h"

#define TSC		0x10
#define TSC_ADJUST	0x3b

/* Values are compared in steps that no exit takes as long as. */
#define STEP		(1ULL << 34)
#define NEAREST(x)	(((x) + STEP / 2) & -STEP)

FIXTURE(tsc) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
};

LODGE_GUEST64(read_msr,
	"rdmsr\n shl $32, %rdx\n mov %eax, %eax\n or %rdx, %rax\n hlt\n");
LODGE_GUEST64(write_msr, "mov %rax, %rdx\n shr $32, %rdx\n wrmsr\n hlt\n");

FIXTURE_SETUP(tsc)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	lodge_vcpu_set_cpuid(self->vcpu);
	lodge_guest_long(self->vcpu, LODGE_GUEST_CODE);
}

FIXTURE_TEARDOWN(tsc)
{
	lodge_guest_teardown(&self->guest);
}

static uint64_t guest_msr(struct lodge_guest *guest, bool write,
			  uint32_t index, uint64_t value)
{
	struct kvm_regs regs;

	lodge_guest_load(&guest->vm, LODGE_GUEST_CODE,
			 write ? write_msr : read_msr,
			 write ? write_msr_end : read_msr_end);
	lodge_guest_set_ip(&guest->vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	regs.rcx = index;
	regs.rax = value;
	lodge_vcpu_set_regs(&guest->vcpu, &regs);
	lodge_vcpu_expect(&guest->vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	return regs.rax;
}

/* Guest and user space agree on both registers. */
#define EXPECT_BOTH(tsc, adjust) do {					\
	uint64_t t, a;							\
									\
	EXPECT_EQ(tsc, NEAREST(guest_msr(&self->guest, false, TSC, 0)));	\
	EXPECT_EQ(adjust, NEAREST(guest_msr(&self->guest, false,	\
					    TSC_ADJUST, 0)));		\
	ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, TSC, &t));		\
	ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, TSC_ADJUST, &a));	\
	EXPECT_EQ(tsc, NEAREST(t));					\
	EXPECT_EQ(adjust, NEAREST(a));					\
} while (0)

TEST_F(tsc, starts_at_zero)
{
	EXPECT_BOTH(0, 0);
}

TEST_F(tsc, the_guests_write_shows_in_adjust)
{
	guest_msr(&self->guest, true, TSC, 4 * STEP);
	EXPECT_BOTH(4 * STEP, 4 * STEP);
}

TEST_F(tsc, the_guests_write_of_adjust_moves_the_counter)
{
	guest_msr(&self->guest, true, TSC_ADJUST, 8 * STEP);
	EXPECT_BOTH(8 * STEP, 8 * STEP);
	guest_msr(&self->guest, true, TSC_ADJUST, 2 * STEP);
	EXPECT_BOTH(2 * STEP, 2 * STEP);
}

TEST_F(tsc, user_spaces_write_leaves_adjust)
{
	guest_msr(&self->guest, true, TSC, 4 * STEP);
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, TSC, 64 * STEP));
	EXPECT_BOTH(64 * STEP, 4 * STEP);
	guest_msr(&self->guest, true, TSC_ADJUST, 5 * STEP);
	EXPECT_BOTH(65 * STEP, 5 * STEP);
	/* What user space added is now visible to the guest. */
	guest_msr(&self->guest, true, TSC, 4 * STEP);
	EXPECT_BOTH(4 * STEP, -56 * STEP);
}

TEST_F(tsc, user_spaces_write_of_adjust_leaves_the_counter)
{
	guest_msr(&self->guest, true, TSC, 4 * STEP);
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, TSC_ADJUST, 99 * STEP));
	EXPECT_BOTH(4 * STEP, 99 * STEP);
}

static uint64_t offset_of(struct lodge_vcpu *vcpu)
{
	uint64_t offset;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	lodge_check(!lodge_vm_ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr),
		    "TSC offset");
	return offset;
}

TEST_F(tsc, a_later_vcpu_joins_the_first)
{
	struct lodge_vcpu second;

	lodge_vcpu_create(&self->guest.vm, &second, 1);
	EXPECT_EQ(offset_of(self->vcpu), offset_of(&second));
	lodge_vcpu_destroy(&second);
}

TEST_F(tsc, writes_together_give_one_offset)
{
	struct lodge_vcpu second;

	lodge_vcpu_create(&self->guest.vm, &second, 1);
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, TSC, 64 * STEP));
	ASSERT_EQ(1, lodge_vcpu_set_msr(&second, TSC, 64 * STEP));
	EXPECT_EQ(offset_of(self->vcpu), offset_of(&second));
	/* Minutes apart: meant as they are. */
	ASSERT_EQ(1, lodge_vcpu_set_msr(&second, TSC, 128 * STEP));
	EXPECT_NE(offset_of(self->vcpu), offset_of(&second));
	/* 0 joins what was written last. */
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, TSC, 0));
	EXPECT_EQ(offset_of(self->vcpu), offset_of(&second));
	lodge_vcpu_destroy(&second);
}

TEST_F(tsc, adjust_needs_its_feature)
{
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[256]; } t;
	struct lodge_vcpu *vcpu = self->vcpu;
	unsigned int i;
	struct kvm_regs regs;

	t.head.nent = 256;
	ASSERT_EQ(0, lodge_vm_ioctl(vcpu->fd, KVM_GET_CPUID2, &t));
	for (i = 0; i < t.head.nent; i++)
		if (t.e[i].function == 7 && !t.e[i].index)
			t.e[i].ebx &= ~2U;
	ASSERT_EQ(0, lodge_vm_ioctl(vcpu->fd, KVM_SET_CPUID2, &t));

	lodge_guest_load(&self->guest.vm, LODGE_GUEST_CODE, write_msr,
			 write_msr_end);
	lodge_vcpu_get_regs(vcpu, &regs);
	regs.rcx = TSC_ADJUST;
	regs.rax = 5 * STEP;
	lodge_vcpu_set_regs(vcpu, &regs);
	lodge_vcpu_run(vcpu);
	EXPECT_EQ(0, NEAREST(guest_msr(&self->guest, false, TSC, 0))) {
		TH_LOG("the counter moved");
	}
}

LODGE_TEST_MAIN
