// SPDX-License-Identifier: GPL-2.0
/*
 * Machine-check banks: what user space injects is recorded, reported or
 * silenced as the guest has set its banks up.
 */
#include "lodge_test.h"

#define MCG_STATUS	0x17a
#define MCG_CTL		0x17b
#define BANK(n, reg)	(0x400 + 4 * (n) + (reg))
enum { CTL, STATUS, ADDR, MISC };

#define VALID		(1ULL << 63)
#define OVERFLOW	(1ULL << 62)
#define UNCORRECTED	(1ULL << 61)
#define SIGNALED	(1ULL << 56)

#define CR4_MCE		(1 << 6)
#define VECTOR		18

FIXTURE(mce) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
};

LODGE_GUEST64(spin, "nop\n nop\n hlt\n");

static int setup_banks(struct lodge_vcpu *vcpu, uint64_t mcg_cap)
{
	return lodge_vm_ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &mcg_cap);
}

FIXTURE_SETUP(mce)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	ASSERT_EQ(0, setup_banks(self->vcpu, 0x1000100 | 10));
	lodge_guest_start(&self->guest, 64, spin);
}

FIXTURE_TEARDOWN(mce)
{
	lodge_guest_teardown(&self->guest);
}

static void enable_mce(struct lodge_vcpu *vcpu, bool on)
{
	struct kvm_sregs sregs;

	lodge_vcpu_get_sregs(vcpu, &sregs);
	sregs.cr4 &= ~CR4_MCE;
	if (on)
		sregs.cr4 |= CR4_MCE;
	lodge_check(!lodge_vcpu_set_sregs(vcpu, &sregs), "CR4.MCE");
}

static int inject(struct lodge_vcpu *vcpu, unsigned int bank, uint64_t status)
{
	struct kvm_x86_mce mce = {
		.status = status,
		.addr = 0x1234000,
		.misc = 0x77,
		.mcg_status = status & UNCORRECTED ? 5 : 0,
		.bank = bank,
	};

	return lodge_vm_ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce);
}

static uint64_t msr(struct lodge_vcpu *vcpu, uint32_t index)
{
	uint64_t value;

	lodge_check(lodge_vcpu_get_msr(vcpu, index, &value) == 1, "MSR %#x",
		    index);
	return value;
}

TEST_F(mce, banks_start_enabled)
{
	unsigned int i;

	EXPECT_EQ(~0ULL, msr(self->vcpu, MCG_CTL));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(~0ULL, msr(self->vcpu, BANK(i, CTL)));
		EXPECT_EQ(0, msr(self->vcpu, BANK(i, STATUS)));
	}
}

TEST_F(mce, a_corrected_error_is_only_recorded)
{
	ASSERT_EQ(0, inject(self->vcpu, 3, VALID | 1));
	EXPECT_EQ(VALID | 1, msr(self->vcpu, BANK(3, STATUS)));
	EXPECT_EQ(0x1234000, msr(self->vcpu, BANK(3, ADDR)));
	EXPECT_EQ(0x77, msr(self->vcpu, BANK(3, MISC)));
	EXPECT_EQ(0, msr(self->vcpu, BANK(2, STATUS)));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);

	ASSERT_EQ(0, inject(self->vcpu, 3, VALID | 2));
	EXPECT_EQ(VALID | OVERFLOW | 2, msr(self->vcpu, BANK(3, STATUS)));
}

TEST_F(mce, an_uncorrected_error_is_an_exception)
{
	struct kvm_regs regs;

	enable_mce(self->vcpu, true);
	ASSERT_EQ(0, inject(self->vcpu, 1, VALID | UNCORRECTED | SIGNALED));
	EXPECT_EQ(5, msr(self->vcpu, MCG_STATUS));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_IO);
	EXPECT_EQ(LODGE_GUEST_TRAP_PORT, self->vcpu->run->io.port);
	lodge_vcpu_get_regs(self->vcpu, &regs);
	EXPECT_EQ(VECTOR, regs.rax & 0xff);
}

TEST_F(mce, one_more_while_the_first_is_handled_shuts_down)
{
	enable_mce(self->vcpu, true);
	ASSERT_EQ(0, inject(self->vcpu, 1, VALID | UNCORRECTED | SIGNALED));
	ASSERT_EQ(0, inject(self->vcpu, 2, VALID | UNCORRECTED | SIGNALED));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_SHUTDOWN);
}

TEST_F(mce, without_cr4_mce_it_shuts_down)
{
	enable_mce(self->vcpu, false);
	ASSERT_EQ(0, inject(self->vcpu, 1, VALID | UNCORRECTED | SIGNALED));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_SHUTDOWN);
}

TEST_F(mce, a_bank_that_is_off_reports_nothing)
{
	enable_mce(self->vcpu, true);
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, BANK(1, CTL), 0));
	ASSERT_EQ(0, inject(self->vcpu, 1, VALID | UNCORRECTED | SIGNALED));
	EXPECT_EQ(0, msr(self->vcpu, BANK(1, STATUS)));
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, MCG_CTL, 0));
	ASSERT_EQ(0, inject(self->vcpu, 2, VALID | UNCORRECTED | SIGNALED));
	EXPECT_EQ(0, msr(self->vcpu, BANK(2, STATUS)));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
}

TEST_F(mce, illegal_errors_and_values_are_refused)
{
	EXPECT_EQ(-EINVAL, inject(self->vcpu, 10, VALID));
	EXPECT_EQ(-EINVAL, inject(self->vcpu, 255, VALID));
	EXPECT_EQ(-EINVAL, inject(self->vcpu, 1, UNCORRECTED));
	EXPECT_EQ(0, lodge_vcpu_set_msr(self->vcpu, MCG_CTL, 1));
	EXPECT_EQ(0, lodge_vcpu_set_msr(self->vcpu, BANK(0, CTL), 2));
	EXPECT_EQ(0, lodge_vcpu_set_msr(self->vcpu, BANK(10, STATUS), 0));
	EXPECT_EQ(1, lodge_vcpu_set_msr(self->vcpu, BANK(4, CTL),
					~(1ULL << 10)));
	EXPECT_EQ(-EINVAL, setup_banks(self->vcpu, 0));
	EXPECT_EQ(-EINVAL, setup_banks(self->vcpu, 33));
	EXPECT_EQ(-EFAULT, lodge_vm_ioctl(self->vcpu->fd, KVM_X86_SET_MCE,
					  (void *)8));
}

LODGE_TEST_MAIN
