// SPDX-License-Identifier: GPL-2.0
/*
 * Exits other than port and memory accesses: halt, shutdown, failed entry,
 * interrupt window, and instructions that software cannot finish.
 */
#include <sys/time.h>

#include "lodge_test.h"

LODGE_GUEST_FIXTURE(exits);

LODGE_GUEST64(halt_twice, "hlt\n nop\n hlt\n");

TEST_F(exits, hlt_leaves_after_the_instruction)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, halt_twice);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(LODGE_GUEST_CODE + 1, regs.rip);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(LODGE_GUEST_CODE + 3, regs.rip);
}

LODGE_GUEST64(triple_fault, "ud2\n");

TEST_F(exits, triple_fault_is_shutdown)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs sregs;

	lodge_guest_start(&self->guest, 64, triple_fault);
	lodge_vcpu_get_sregs(vcpu, &sregs);
	sregs.idt.limit = 0;
	ASSERT_EQ(0, lodge_vcpu_set_sregs(vcpu, &sregs));
	lodge_vcpu_expect(vcpu, KVM_EXIT_SHUTDOWN);
}

TEST_F(exits, a_vcpu_runs_again_after_shutdown)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs sregs;

	lodge_guest_start(&self->guest, 64, triple_fault);
	lodge_vcpu_get_sregs(vcpu, &sregs);
	sregs.idt.limit = 0;
	ASSERT_EQ(0, lodge_vcpu_set_sregs(vcpu, &sregs));
	lodge_vcpu_expect(vcpu, KVM_EXIT_SHUTDOWN);
	lodge_guest_start(&self->guest, 64, halt_twice);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

/* The manual calls a 64-bit code segment with D set an illegal guest state. */
TEST_F(exits, illegal_state_fails_the_entry)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_sregs sregs;

	lodge_guest_start(&self->guest, 64, halt_twice);
	lodge_vcpu_get_sregs(vcpu, &sregs);
	sregs.cs.db = 1;
	ASSERT_EQ(0, lodge_vcpu_set_sregs(vcpu, &sregs));
	lodge_vcpu_expect(vcpu, KVM_EXIT_FAIL_ENTRY);
	ASSERT_NE(0, vcpu->run->fail_entry.hardware_entry_failure_reason);
	ASSERT_GT(lodge_host_cpus(), vcpu->run->fail_entry.cpu);

	lodge_guest_start(&self->guest, 64, halt_twice);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
}

LODGE_GUEST64(open_window,
	"cli\n"
	"mov $1, %eax\n"
	"out %eax, $0xe9\n"
	"sti\n"
	"nop\n"
	"2: nop\n"
	"cli\n"
	"mov $2, %eax\n"
	"out %eax, $0xe9\n"
	"hlt\n");

TEST_F(exits, irq_window_opens_after_the_sti_shadow)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;

	lodge_guest_start(&self->guest, 64, open_window);
	ASSERT_EQ(1, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, vcpu->run->if_flag);
	ASSERT_EQ(0, vcpu->run->ready_for_interrupt_injection);

	vcpu->run->request_interrupt_window = 1;
	lodge_vcpu_expect(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	ASSERT_EQ(1, vcpu->run->if_flag);
	ASSERT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	lodge_vcpu_get_regs(vcpu, &regs);
	ASSERT_EQ(LODGE_GUEST_CODE + 10, regs.rip);	/* past sti and one nop */

	vcpu->run->request_interrupt_window = 0;
	ASSERT_EQ(2, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

LODGE_GUEST64(spin_enabled,
	"sti\n"
	"nop\n"
	"1: mov $3, %eax\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");

TEST_F(exits, irq_window_is_at_once_if_interrupts_are_on)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, spin_enabled);
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(1, vcpu->run->if_flag);
	vcpu->run->request_interrupt_window = 1;
	lodge_vcpu_expect(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
}

static int interrupt(struct lodge_vcpu *vcpu, uint32_t vector)
{
	struct kvm_interrupt irq = { .irq = vector };

	return lodge_vm_ioctl(vcpu->fd, KVM_INTERRUPT, &irq);
}

TEST_F(exits, injected_interrupt_reaches_its_handler)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_regs regs;
	uint64_t frame[5];

	lodge_guest_start(&self->guest, 64, spin_enabled);
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	ASSERT_EQ(0, interrupt(vcpu, 0x41));
	ASSERT_EQ(0x41, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
	ASSERT_EQ(0, vcpu->run->if_flag);
	lodge_vcpu_get_regs(vcpu, &regs);
	memcpy(frame, self->guest.vm.mem + regs.rsp, sizeof(frame));
	ASSERT_EQ(LODGE_GUEST_CODE + 9, frame[0]);
	ASSERT_EQ(LODGE_GUEST_CS64, frame[1]);
	ASSERT_EQ(0x202, frame[2] & 0xffff);
}

LODGE_GUEST64(halt_enabled, "sti\n hlt\n mov $4, %eax\n out %eax, $0xe9\n");

TEST_F(exits, interrupt_wakes_a_halted_vcpu)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, halt_enabled);
	lodge_vcpu_expect(vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(1, vcpu->run->if_flag);
	ASSERT_EQ(0, interrupt(vcpu, 0xff));
	ASSERT_EQ(0xff, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
}

TEST_F(exits, interrupt_vector_above_255_is_refused)
{
	ASSERT_EQ(-EINVAL, interrupt(&self->guest.vcpu, 256));
	ASSERT_EQ(-EINVAL, interrupt(&self->guest.vcpu, -1));
}

LODGE_GUEST16(real_spin,
	"sti\n"
	"nop\n"
	"1: mov $7, %eax\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");
LODGE_GUEST16(real_handler,
	"mov $8, %eax\n"
	"out %eax, $0xe9\n"
	"iret\n");

TEST_F(exits, interrupt_in_real_mode_uses_the_vector_table)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint16_t entry[2] = { 0x0000, 0x2000 };

	lodge_guest_load(&self->guest.vm, 0x20000, real_handler,
			 real_handler_end);
	memcpy(self->guest.vm.mem + 0x20 * 4, entry, sizeof(entry));
	lodge_guest_start(&self->guest, 16, real_spin);
	ASSERT_EQ(7, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, interrupt(vcpu, 0x20));
	ASSERT_EQ(8, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(7, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

LODGE_GUEST64(closed_spin,
	"cli\n"
	"1: mov $3, %eax\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");

TEST_F(exits, nmi_ignores_the_interrupt_flag)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_start(&self->guest, 64, closed_spin);
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, lodge_vm_ioctl(vcpu->fd, KVM_NMI, NULL));
	ASSERT_EQ(2, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_TRAP_PORT));
}

LODGE_GUEST64(nmi_body,
	"cli\n"
	"1: mov $3, %eax\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n"
	".skip 0x100 - (. - nmi_body)\n"
	"mov $9, %eax\n"
	"out %eax, $0xe9\n"
	"mov $10, %eax\n"
	"out %eax, $0xe9\n"
	"iretq\n");

TEST_F(exits, second_nmi_waits_for_iret)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	uint16_t offset = (LODGE_GUEST_CODE + 0x100) & 0xffff, high = 1;

	memcpy(self->guest.vm.mem + LODGE_GUEST_IDT + 2 * 16, &offset, 2);
	memcpy(self->guest.vm.mem + LODGE_GUEST_IDT + 2 * 16 + 6, &high, 2);
	lodge_guest_start(&self->guest, 64, nmi_body);
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, lodge_vm_ioctl(vcpu->fd, KVM_NMI, NULL));
	ASSERT_EQ(9, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(0, lodge_vm_ioctl(vcpu->fd, KVM_NMI, NULL));
	ASSERT_EQ(10, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(9, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(10, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
	ASSERT_EQ(3, lodge_vcpu_expect_out(vcpu, LODGE_GUEST_PORT));
}

LODGE_GUEST64(float_on_mmio,
	"mov $0x80000000, %eax\n"
	"fildl (%rax)\n"
	"hlt\n");

TEST_F(exits, unknown_instruction_on_mmio_ends_with_its_bytes)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	struct kvm_run *run = vcpu->run;

	lodge_guest_start(&self->guest, 64, float_on_mmio);
	lodge_vcpu_expect(vcpu, KVM_EXIT_INTERNAL_ERROR);
	ASSERT_EQ(KVM_INTERNAL_ERROR_EMULATION, run->internal.suberror);
	ASSERT_LE(3, run->emulation_failure.ndata);
	ASSERT_EQ(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
		  run->emulation_failure.flags);
	ASSERT_LE(2, run->emulation_failure.insn_size);
	ASSERT_GE(15, run->emulation_failure.insn_size);
	ASSERT_EQ(0, memcmp(run->emulation_failure.insn_bytes, "\xdb\x00", 2));
}

TEST_F(exits, code_outside_memory_is_an_emulation_error)
{
	struct lodge_vcpu *vcpu = &self->guest.vcpu;

	lodge_guest_long(vcpu, LODGE_GUEST_MMIO);
	lodge_vcpu_expect(vcpu, KVM_EXIT_INTERNAL_ERROR);
	ASSERT_EQ(KVM_INTERNAL_ERROR_EMULATION, vcpu->run->internal.suberror);
}

LODGE_GUEST64(divide, "xor %ecx, %ecx\n div %ecx\n");

TEST_F(exits, guest_exceptions_stay_in_the_guest)
{
	lodge_guest_start(&self->guest, 64, divide);
	ASSERT_EQ(0, lodge_vcpu_expect_out(&self->guest.vcpu,
					   LODGE_GUEST_TRAP_PORT));
	lodge_guest_start(&self->guest, 64, triple_fault);
	ASSERT_EQ(6, lodge_vcpu_expect_out(&self->guest.vcpu,
					   LODGE_GUEST_TRAP_PORT));
}

LODGE_GUEST64(spin, "1: jmp 1b\n");

TEST_F(exits, a_spinning_guest_does_not_stop_the_host)
{
	struct itimerval timer = { .it_value.tv_usec = 200000 };
	struct lodge_vcpu *vcpu = &self->guest.vcpu;
	double start = lodge_host_now();

	lodge_host_catch(SIGALRM);
	lodge_guest_start(&self->guest, 64, spin);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
	ASSERT_EQ(-EINTR, lodge_vcpu_run(vcpu));
	ASSERT_EQ(KVM_EXIT_INTR, vcpu->run->exit_reason);
	ASSERT_LE(0.1, lodge_host_now() - start);
}

LODGE_TEST_MAIN
