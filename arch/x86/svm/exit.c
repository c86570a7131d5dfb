// SPDX-License-Identifier: GPL-2.0
/*
 * What a #VMEXIT means: exits that finish in the inner loop first, then those
 * that may sleep.
 */
#include <asm/trapnr.h>

#include "arch_vcpu.h"
#include "compat.h"
#include "cpuid.h"
#include "debugregs.h"
#include "events.h"
#include "fault.h"
#include "mmio.h"
#include "msr.h"
#include "pio.h"
#include "regs.h"
#include "svm/control_regs.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "trace_x86.h"
#include "vcpu.h"
#include "vm.h"
#include "xstate.h"

/* What KVM answers to a hypercall it does not know; the ABI's number, not the host's errno. */
#define HYPERCALL_ENOSYS	1000

/* NPF error code. */
#define NPF_PRESENT	BIT_ULL(0)
#define NPF_WRITE	BIT_ULL(1)
#define NPF_FETCH	BIT_ULL(4)

static void emulate_cpuid(struct lodge_vcpu *vcpu)
{
	unsigned long *regs = vcpu->arch.regs;
	u32 eax = regs[LODGE_RAX], ebx, ecx = regs[LODGE_RCX], edx;

	lodge_cpuid_guest(vcpu, &eax, &ebx, &ecx, &edx);
	regs[LODGE_RAX] = eax;
	regs[LODGE_RBX] = ebx;
	regs[LODGE_RCX] = ecx;
	regs[LODGE_RDX] = edx;
}

/* No hypercall is offered. In 32-bit modes only the low halves count. */
static void emulate_hypercall(struct lodge_vcpu *vcpu)
{
	long ret = -HYPERCALL_ENOSYS;

	vcpu->stats.hypercalls++;
	trace_kvm_hypercall(vcpu->arch.regs[LODGE_RAX], vcpu->arch.regs[LODGE_RBX], vcpu->arch.regs[LODGE_RCX],
			    vcpu->arch.regs[LODGE_RDX], vcpu->arch.regs[LODGE_RSI]);
	vcpu->arch.regs[LODGE_RAX] = lodge_x86_is_64bit(vcpu) ? (unsigned long)ret : (u32)ret;
}

static bool emulate_xsetbv(struct lodge_vcpu *vcpu)
{
	unsigned long *regs = vcpu->arch.regs;
	u64 xcr0 = (u32)regs[LODGE_RAX] | (u64)(u32)regs[LODGE_RDX] << 32;

	return !lodge_x86_cpl(vcpu) && !lodge_xstate_set_xcr0(vcpu, regs[LODGE_RCX], xcr0);
}

/* rip of the next instruction, without sleeping; 0: the outer loop has to find it. */
static unsigned long next_rip_atomic(struct lodge_vcpu *vcpu)
{
	unsigned int length;

	if (lodge_svm_features.nrips)
		return vcpu->arch.vmcb->control.next_rip;
	length = lodge_svm_insn_length(vcpu);
	return length ? lodge_x86_rip(vcpu) + length : 0;
}

/* Instructions that do nothing here, or nothing that can fail or sleep. */
static bool emulate_simple(struct lodge_vcpu *vcpu, unsigned long next_rip)
{
	switch (vcpu->arch.exit_code) {
	case LODGE_EXIT_CPUID:
		emulate_cpuid(vcpu);
		break;
	case LODGE_EXIT_VMMCALL:
		emulate_hypercall(vcpu);
		break;
	case LODGE_EXIT_XSETBV:
		if (!emulate_xsetbv(vcpu)) {
			lodge_x86_raise_error(vcpu, X86_TRAP_GP, 0);
			return true;
		}
		break;
	case LODGE_EXIT_INVD:		/* guest memory is coherent, whatever it thinks */
	case LODGE_EXIT_WBINVD:
	case LODGE_EXIT_MONITOR:	/* KVM's answer to both: nothing to wait for */
	case LODGE_EXIT_MWAIT:
	case LODGE_EXIT_MWAIT_COND:
		break;
	default:
		return false;
	}
	lodge_x86_advance_rip(vcpu, next_rip);
	return true;
}

static bool instruction_fast(struct lodge_vcpu *vcpu)
{
	unsigned long next_rip = next_rip_atomic(vcpu);

	if (!next_rip)
		return false;
	switch (vcpu->arch.exit_code) {
	case LODGE_EXIT_MSR:
		return lodge_msr_emulate_fast(vcpu, vcpu->arch.vmcb->control.exit_info_1, next_rip);
	default:
		return emulate_simple(vcpu, next_rip);
	}
}

/* Without decode assists IN and OUT are the only instructions whose next rip the VMCB has: EXITINFO2. */
static bool port_fast(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;

	return lodge_pio_fast(vcpu, control->exit_info_1, control->exit_info_2);
}

/**
 * lodge_arch_vcpu_handle_exit_fast() - finish the exit if that needs no sleep
 * @vcpu: the vCPU
 *
 * Context: interrupts off. Return: what the inner loop does next.
 */
enum lodge_fast lodge_arch_vcpu_handle_exit_fast(struct lodge_vcpu *vcpu)
{
	bool done;

	switch (vcpu->arch.exit_code) {
	case LODGE_EXIT_INTR:
		vcpu->stats.irq_exits++;
		fallthrough;
	case LODGE_EXIT_NMI:
	case LODGE_EXIT_SMI:
	case LODGE_EXIT_INIT:
		done = true;
		break;
	case LODGE_EXIT_CPUID:
	case LODGE_EXIT_MSR:
	case LODGE_EXIT_VMMCALL:
	case LODGE_EXIT_XSETBV:
	case LODGE_EXIT_INVD:
	case LODGE_EXIT_WBINVD:
	case LODGE_EXIT_MONITOR:
	case LODGE_EXIT_MWAIT:
	case LODGE_EXIT_MWAIT_COND:
		done = instruction_fast(vcpu);
		break;
	case LODGE_EXIT_IOIO:
		done = port_fast(vcpu);
		break;
	default:
		done = false;
	}
	return done ? LODGE_FAST_REENTER : LODGE_FAST_LEAVE;
}

/* The outer loop's exits. */

static int exit_to_user(struct lodge_vcpu *vcpu, u32 reason)
{
	vcpu->run->exit_reason = reason;
	return LODGE_EXIT_TO_USER;
}

static int internal_error(struct lodge_vcpu *vcpu, u32 suberror)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;
	struct kvm_run *run = vcpu->run;

	run->internal.suberror = suberror;
	run->internal.ndata = 5;
	run->internal.data[0] = control->exit_int_info;
	run->internal.data[1] = vcpu->arch.exit_code;
	run->internal.data[2] = control->exit_info_1;
	run->internal.data[3] = control->exit_info_2;
	run->internal.data[4] = vcpu->cpu;
	return exit_to_user(vcpu, KVM_EXIT_INTERNAL_ERROR);
}

static int unexpected_exit(struct lodge_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 2;
	run->internal.data[0] = vcpu->arch.exit_code;
	run->internal.data[1] = vcpu->cpu;
	return exit_to_user(vcpu, KVM_EXIT_INTERNAL_ERROR);
}

static int handle_entry_failure(struct lodge_vcpu *vcpu)
{
	vcpu->run->fail_entry.hardware_entry_failure_reason = vcpu->arch.exit_code;
	vcpu->run->fail_entry.cpu = vcpu->cpu;
	return exit_to_user(vcpu, KVM_EXIT_FAIL_ENTRY);
}

/* The VMCB's guest state is undefined after a shutdown: what user space sees is a reset processor. */
static int handle_shutdown(struct lodge_vcpu *vcpu)
{
	lodge_x86_regs_reset(vcpu);
	lodge_x86_events_reset(vcpu);
	lodge_dr_reset(vcpu);
	return exit_to_user(vcpu, KVM_EXIT_SHUTDOWN);
}

static int go_halt(struct lodge_vcpu *vcpu, unsigned long next_rip)
{
	lodge_x86_advance_rip(vcpu, next_rip);
	vcpu->stats.halt_exits++;
	return exit_to_user(vcpu, KVM_EXIT_HLT);
}

static int raise(struct lodge_vcpu *vcpu, u8 vector)
{
	lodge_x86_raise(vcpu, vector);
	return LODGE_RESUME_GUEST;
}

static int raise_error(struct lodge_vcpu *vcpu, u8 vector)
{
	lodge_x86_raise_error(vcpu, vector, 0);
	return LODGE_RESUME_GUEST;
}

static int emulate(struct lodge_vcpu *vcpu)
{
	/* An access by event delivery itself cannot be completed by user space. */
	if (vcpu->arch.vmcb->control.exit_int_info & LODGE_EVT_VALID)
		return internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV);
	vcpu->stats.pf_emulate++;
	return lodge_mmio_emulate(vcpu);
}

static unsigned int npf_access(u64 error)
{
	if (error & NPF_FETCH)
		return LODGE_ACCESS_EXEC;
	return error & NPF_WRITE ? LODGE_ACCESS_WRITE : LODGE_ACCESS_READ;
}

static int handle_npf(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;
	struct lodge_fault fault = {
		.vm = vcpu->vm,
		.cache = &vcpu->table_cache,
		.gpa = control->exit_info_2,
		.access = npf_access(control->exit_info_1),
		.present = control->exit_info_1 & NPF_PRESENT,
	};
	int r;

	vcpu->stats.pf_taken++;
	trace_kvm_page_fault(vcpu, fault.gpa, control->exit_info_1);
	r = lodge_fault_handle(&fault);
	switch (r) {
	case LODGE_FAULT_FIXED:
		vcpu->stats.pf_fixed++;
		return LODGE_RESUME_GUEST;
	case LODGE_FAULT_RETRY:
		return LODGE_RESUME_GUEST;
	case LODGE_FAULT_MMIO:
	case LODGE_FAULT_READONLY:
		return emulate(vcpu);
	default:
		return r;
	}
}

/* The user's exit follows from lodge_arch_vcpu_prepare() as soon as an interrupt can be taken. */
static int handle_irq_window(struct lodge_vcpu *vcpu)
{
	vcpu->stats.irq_window_exits++;
	return LODGE_RESUME_GUEST;
}

/* NMIs stay masked until the IRET has been executed. */
static int handle_iret(struct lodge_vcpu *vcpu)
{
	vcpu->stats.nmi_window_exits++;
	lodge_vmcb_clear_intercept(vcpu->arch.vmcb, LODGE_ICPT_IRET);
	vcpu->arch.nmi_window_by_iret = true;
	vcpu->arch.nmi_iret_rip = lodge_x86_rip(vcpu);
	return LODGE_RESUME_GUEST;
}

/* Exits of an instruction whose bytes are needed, for its length or its operands. */
static int instruction(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;
	u64 code = vcpu->arch.exit_code;
	struct lodge_x86_insn insn;
	unsigned long next_rip;
	int r;

	r = lodge_svm_decode(vcpu, &insn);
	if (r < 0)	/* the emulator raises #UD or reports the bytes */
		return lodge_mmio_emulate(vcpu);
	if (!r || !lodge_svm_insn_is(&insn, code))
		return LODGE_RESUME_GUEST;
	next_rip = lodge_x86_rip(vcpu) + insn.length;

	if (code < LODGE_EXIT_DR_READ(0) || code == LODGE_EXIT_CR0_SEL)
		return lodge_svm_handle_cr(vcpu, &insn, next_rip);
	if (code < LODGE_EXIT_EXCP(0))
		return lodge_svm_handle_dr(vcpu, &insn, next_rip);
	if (code == LODGE_EXIT_HLT)
		return go_halt(vcpu, next_rip);
	if (code == LODGE_EXIT_MSR)
		return lodge_msr_emulate(vcpu, control->exit_info_1, next_rip);
	return emulate_simple(vcpu, next_rip) ? LODGE_RESUME_GUEST : internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION);
}

/* No need to read it in a way that may sleep, as a rule. */
static int handle_hlt(struct lodge_vcpu *vcpu)
{
	unsigned long next_rip = next_rip_atomic(vcpu);

	return next_rip ? go_halt(vcpu, next_rip) : instruction(vcpu);
}

/* String instructions go to the emulator, which knows segments and counts. */
static int handle_ioio(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;

	vcpu->stats.io_exits++;
	if (control->exit_info_1 & BIT(2))
		return lodge_mmio_emulate(vcpu);
	return lodge_pio_handle(vcpu, control->exit_info_1, control->exit_info_2);
}

/**
 * lodge_arch_vcpu_handle_exit() - handle an exit that the inner loop left
 * @vcpu: the vCPU
 *
 * Context: may sleep; SRCU held. Return: LODGE_RESUME_GUEST, LODGE_EXIT_TO_USER or -errno.
 */
int lodge_arch_vcpu_handle_exit(struct lodge_vcpu *vcpu)
{
	u64 code = vcpu->arch.exit_code;

	/* The switch becomes a tree of comparisons, and most by far are these. */
	if (code == LODGE_EXIT_NPF)
		return handle_npf(vcpu);
	if (code == LODGE_EXIT_IOIO)
		return handle_ioio(vcpu);

	switch (code) {
	case LODGE_EXIT_HLT:
		return handle_hlt(vcpu);
	case LODGE_EXIT_CR_READ(0) ... LODGE_EXIT_DR_WRITE(15):
	case LODGE_EXIT_CR0_SEL:
	case LODGE_EXIT_MSR:
	case LODGE_EXIT_CPUID:
	case LODGE_EXIT_VMMCALL:
	case LODGE_EXIT_XSETBV:
	case LODGE_EXIT_INVD:
	case LODGE_EXIT_WBINVD:
	case LODGE_EXIT_MONITOR:
	case LODGE_EXIT_MWAIT:
	case LODGE_EXIT_MWAIT_COND:
		return instruction(vcpu);
	case LODGE_EXIT_EXCP(X86_TRAP_DB):
		return lodge_dr_handle_db(vcpu);
	case LODGE_EXIT_EXCP(X86_TRAP_BP):
		return lodge_dr_handle_bp(vcpu);
	case LODGE_EXIT_EXCP(X86_TRAP_AC):
		return raise_error(vcpu, X86_TRAP_AC);
	case LODGE_EXIT_EXCP(X86_TRAP_MC):	/* the host has dealt with it */
		return LODGE_RESUME_GUEST;
	case LODGE_EXIT_VINTR:
		return handle_irq_window(vcpu);
	case LODGE_EXIT_IRET:
		return handle_iret(vcpu);
	case LODGE_EXIT_RDPMC:			/* there is no counter */
		return raise_error(vcpu, X86_TRAP_GP);
	case LODGE_EXIT_RSM:
	case LODGE_EXIT_INVLPGA:
	case LODGE_EXIT_VMRUN:
	case LODGE_EXIT_VMLOAD:
	case LODGE_EXIT_VMSAVE:
	case LODGE_EXIT_STGI:
	case LODGE_EXIT_CLGI:
	case LODGE_EXIT_SKINIT:
	case LODGE_EXIT_RDPRU:
		return raise(vcpu, X86_TRAP_UD);
	case LODGE_EXIT_SHUTDOWN:
		return handle_shutdown(vcpu);
	case LODGE_EXIT_TASK_SWITCH:
		return internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION);
	case LODGE_EXIT_INVALID:
		return handle_entry_failure(vcpu);
	default:
		return unexpected_exit(vcpu);
	}
}

/**
 * lodge_arch_vcpu_wants_outer() - does something wait that the inner loop cannot do?
 * @vcpu: the vCPU
 *
 * Context: any. Return: true if so.
 */
bool lodge_arch_vcpu_wants_outer(struct lodge_vcpu *vcpu)
{
	return vcpu->arch.events.triple_fault;
}

/**
 * lodge_arch_vcpu_prepare() - exits that are due before the guest may run on
 * @vcpu: the vCPU
 *
 * Context: may sleep; SRCU held. Return: LODGE_RESUME_GUEST or LODGE_EXIT_TO_USER.
 */
int lodge_arch_vcpu_prepare(struct lodge_vcpu *vcpu)
{
	if (vcpu->arch.events.triple_fault) {
		vcpu->arch.events.triple_fault = false;
		return exit_to_user(vcpu, KVM_EXIT_SHUTDOWN);
	}
	if (vcpu->arch.debug_exit && lodge_dr_exit_due(vcpu))
		return LODGE_EXIT_TO_USER;
	if (vcpu->arch.irq_window_wanted && lodge_x86_interrupt_allowed(vcpu)) {
		vcpu->stats.request_irq_exits++;
		return exit_to_user(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	}
	return LODGE_RESUME_GUEST;
}
