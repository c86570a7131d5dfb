// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_SET_GUEST_DEBUG: stepping and breakpoints from outside, invisible to
 * the guest.
 */
#include "lodge_test.h"

LODGE_GUEST_FIXTURE(debug);

static int set_debug(struct lodge_vcpu *vcpu, uint32_t control)
{
	struct kvm_guest_debug debug = { .control = control };

	return lodge_vm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

static int set_hardware(struct lodge_vcpu *vcpu, uint64_t address,
			uint64_t dr7)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		.arch.debugreg = { [0] = address, [7] = dr7 },
	};

	return lodge_vm_ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

LODGE_GUEST64(steps,
	"nop\n"				/* 0 */
	"mov $5, %ecx\n"		/* 1 */
	"cpuid\n"			/* 6 */
	"xor %eax, %eax\n"		/* 8 */
	"out %eax, $0xe9\n"		/* 10 */
	"pushf\n"			/* 12 */
	"pop %rbx\n"			/* 13 */
	"hlt\n");			/* 14 */

TEST_F(debug, single_step_stops_after_each_instruction)
{
	static const int stop[] = { 1, 6, 8, 10 };
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_run *run = vcpu->run;
	unsigned int i;

	lodge_guest_start(&self->guest, 64, steps);
	ASSERT_EQ(0, set_debug(vcpu, KVM_GUESTDBG_ENABLE |
			       KVM_GUESTDBG_SINGLESTEP));
	for (i = 0; i < 4; i++) {
		lodge_vcpu_expect(vcpu, KVM_EXIT_DEBUG);
		ASSERT_EQ(1, run->debug.arch.exception);
		ASSERT_EQ(LODGE_GUEST_CODE + stop[i], run->debug.arch.pc);
		ASSERT_NE(0, run->debug.arch.dr6 & 0x4000);
	}
}

TEST_F(debug, single_step_over_port_access)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, steps);
	lodge_guest_set_ip(vcpu, LODGE_GUEST_CODE + 8);
	ASSERT_EQ(0, set_debug(vcpu, KVM_GUESTDBG_ENABLE |
			       KVM_GUESTDBG_SINGLESTEP));
	lodge_vcpu_expect(vcpu, KVM_EXIT_DEBUG);
	ASSERT_EQ(LODGE_GUEST_CODE + 10, vcpu->run->debug.arch.pc);
	ASSERT_EQ(0, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, set_debug(vcpu, 0));
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

TEST_F(debug, stepping_is_not_in_the_flags_afterwards)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, steps);
	ASSERT_EQ(0, set_debug(vcpu, KVM_GUESTDBG_ENABLE |
			       KVM_GUESTDBG_SINGLESTEP));
	lodge_vcpu_expect(vcpu, KVM_EXIT_DEBUG);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0, regs.rflags & 0x100);
	ASSERT_EQ(0, set_debug(vcpu, 0));
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(0, regs.rflags & 0x100);
	ASSERT_EQ(0, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

TEST_F(debug, hardware_breakpoint_stops_before_the_instruction)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_debugregs d;

	lodge_guest_start(&self->guest, 64, steps);
	ASSERT_EQ(0, set_hardware(vcpu, LODGE_GUEST_CODE + 8, 0x402));
	lodge_vcpu_expect(vcpu, KVM_EXIT_DEBUG);
	ASSERT_EQ(LODGE_GUEST_CODE + 8, vcpu->run->debug.arch.pc);
	ASSERT_EQ(1, vcpu->run->debug.arch.dr6 & 0xf);
	ASSERT_EQ(1, vcpu->run->debug.arch.exception);
	ASSERT_EQ(0, lodge_vm_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &d));
	ASSERT_EQ(0, d.db[0]);
	ASSERT_EQ(0x400, d.dr7);
	ASSERT_EQ(0, set_debug(vcpu, 0));
	ASSERT_EQ(0, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

LODGE_GUEST64(writes,
	"mov $0x40000, %edi\n"		/* 0 */
	"movl $7, (%rdi)\n"		/* 5 */
	"movl $8, 4(%rdi)\n"		/* 11 */
	"nop\n"				/* 18 */
	"hlt\n");

TEST_F(debug, hardware_watchpoint_stops_after_the_write)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, writes);
	/* DR0 on a four-byte write. */
	ASSERT_EQ(0, set_hardware(vcpu, 0x40004, 0x402 | 0xd0000));
	lodge_vcpu_expect(vcpu, KVM_EXIT_DEBUG);
	ASSERT_EQ(LODGE_GUEST_CODE + 18, vcpu->run->debug.arch.pc);
	ASSERT_EQ(1, vcpu->run->debug.arch.dr6 & 0xf);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

LODGE_GUEST64(soft, "nop\n int3\n hlt\n");

TEST_F(debug, software_breakpoint_stops_at_the_instruction)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	int ret;

	lodge_guest_start(&self->guest, 64, soft);
	ASSERT_EQ(0, set_debug(vcpu, KVM_GUESTDBG_ENABLE |
			       KVM_GUESTDBG_USE_SW_BP));
	ret = lodge_vcpu_run(vcpu);
	if (ret == KVM_EXIT_IO && lodge_host_is_emulated())
		SKIP(return, "the emulated processor does not intercept int3");
	ASSERT_EQ(KVM_EXIT_DEBUG, ret);
	ASSERT_EQ(3, vcpu->run->debug.arch.exception);
	ASSERT_EQ(LODGE_GUEST_CODE + 1, vcpu->run->debug.arch.pc);
}

TEST_F(debug, without_debugging_the_guest_gets_its_breakpoint)
{
	lodge_guest_start(&self->guest, 64, soft);
	ASSERT_EQ(3, lodge_vcpu_expect_out(&self->guest.vcpu,
					   LODGE_GUEST_TRAP_PORT));
}

TEST_F(debug, injected_breakpoint_reaches_the_guest)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	/* As a debugger gives the guest's own breakpoint back to it. */
	lodge_guest_start(&self->guest, 64, soft);
	lodge_guest_set_ip(vcpu, LODGE_GUEST_CODE + 1);
	ASSERT_EQ(0, set_debug(vcpu, KVM_GUESTDBG_ENABLE |
			       KVM_GUESTDBG_INJECT_BP));
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
}

TEST_F(debug, injected_debug_trap_reaches_the_guest)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, steps);
	ASSERT_EQ(0, set_debug(vcpu, KVM_GUESTDBG_ENABLE |
			       KVM_GUESTDBG_INJECT_DB));
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
}

LODGE_GUEST16(real_steps, "nop\n nop\n hlt\n");

TEST_F(debug, single_step_in_real_mode)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 16, real_steps);
	ASSERT_EQ(0, set_debug(vcpu, KVM_GUESTDBG_ENABLE |
			       KVM_GUESTDBG_SINGLESTEP));
	lodge_vcpu_expect(vcpu, KVM_EXIT_DEBUG);
	ASSERT_EQ(LODGE_GUEST_CODE + 1, vcpu->run->debug.arch.pc);
	lodge_vcpu_expect(vcpu, KVM_EXIT_DEBUG);
	ASSERT_EQ(LODGE_GUEST_CODE + 2, vcpu->run->debug.arch.pc);
}

LODGE_TEST_MAIN
