// SPDX-License-Identifier: GPL-2.0
/*
 * What a vCPU does not have yet answers as an unknown number does, and
 * capabilities do not claim it.
 */
#include "lodge_test.h"

LODGE_GUEST_FIXTURE(absent);

static int call(struct lodge_vcpu *vcpu, unsigned long request)
{
	static unsigned char zeros[8192];

	return lodge_vm_ioctl(vcpu->fd, request, zeros);
}

TEST_F(absent, unknown_number)
{
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, _IO(KVMIO, 0xfe)));
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, _IO('x', 0x80)));
}

TEST_F(absent, system_management_mode)
{
	if (lodge_dev_has_ext(KVM_CAP_X86_SMM))
		SKIP(return, "this device has system management mode");
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, KVM_SMI));
}

TEST_F(absent, nested_virtualisation)
{
	if (lodge_dev_has_ext(KVM_CAP_NESTED_STATE))
		SKIP(return, "this device has nested virtualisation");
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, KVM_GET_NESTED_STATE));
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, KVM_SET_NESTED_STATE));
}

/* Nobody asked for an interrupt controller in the kernel. */
TEST_F(absent, local_apic)
{
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, KVM_GET_LAPIC));
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, KVM_SET_LAPIC));
	ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, KVM_SET_VAPIC_ADDR));
	if (!lodge_dev_has_ext(KVM_CAP_VAPIC)) {
		ASSERT_EQ(-EINVAL, call(&self->guest.vcpu, KVM_TPR_ACCESS_REPORTING));
	}
}

LODGE_TEST_MAIN
