// SPDX-License-Identifier: GPL-2.0
/*
 * Events into the VMCB before entry, and what is left of them after exit.
 *
 * One event fits into EVENTINJ. Order: what was begun before (the processor
 * exited while it delivered), then a pending exception, then NMI. External
 * interrupts come from user space and count as begun.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "events.h"
#include "regs.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "trace_x86.h"
#include "vcpu.h"

/* INT3 and INTO: where the guest executes them, executing them again delivers them again. */
static bool is_soft(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

static u64 exception_event(const struct lodge_events *events)
{
	u64 event = LODGE_EVT_VALID | LODGE_EVT_EXCEPTION | events->exception.nr;

	if (events->exception.has_error)
		event |= LODGE_EVT_ERROR_VALID | (u64)events->exception.error << 32;
	return event;
}

/* The return address of INT3 and INTO is the next instruction, which the processor does not find for us. */
static void step_over_soft(struct lodge_vcpu *vcpu)
{
	struct lodge_events *events = &vcpu->arch.events;
	struct lodge_x86_insn insn;

	if (!is_soft(events->exception.nr))
		return;
	events->soft_injected = true;
	events->soft_rip = lodge_x86_rip(vcpu);
	if (lodge_svm_decode_atomic(vcpu, &insn))
		lodge_x86_save(vcpu)->rip += insn.length;
}

static u64 begin_exception(struct lodge_vcpu *vcpu)
{
	struct lodge_events *events = &vcpu->arch.events;

	lodge_x86_apply_payload(vcpu);
	step_over_soft(vcpu);
	/* Faults restart their instruction, and RF keeps its code breakpoint from hitting again. */
	if (!is_soft(events->exception.nr) && events->exception.nr != X86_TRAP_DB)
		lodge_x86_save(vcpu)->rflags |= X86_EFLAGS_RF;
	events->exception.pending = false;
	events->exception.injected = true;
	trace_kvm_inj_exception(events->exception.nr, events->exception.has_error, events->exception.error, false);
	return exception_event(events);
}

static u64 begin_nmi(struct lodge_vcpu *vcpu)
{
	struct lodge_events *events = &vcpu->arch.events;

	events->nmi.pending--;
	events->nmi.injected = true;
	events->nmi.masked = true;
	lodge_vmcb_set_intercept(vcpu->arch.vmcb, LODGE_ICPT_IRET);
	vcpu->arch.nmi_window_by_iret = false;
	vcpu->stats.nmi_injections++;
	return LODGE_EVT_VALID | LODGE_EVT_NMI | X86_TRAP_NMI;
}

static u64 repeat_exception(const struct lodge_events *events)
{
	trace_kvm_inj_exception(events->exception.nr, events->exception.has_error, events->exception.error, true);
	return exception_event(events);
}

static u64 interrupt_event(struct lodge_vcpu *vcpu)
{
	const struct lodge_events *events = &vcpu->arch.events;

	vcpu->stats.irq_injections++;
	trace_kvm_inj_virq(events->interrupt.nr, events->interrupt.soft, false);
	return LODGE_EVT_VALID | (events->interrupt.soft ? LODGE_EVT_SOFT : LODGE_EVT_INTR) | events->interrupt.nr;
}

static bool event_waits(const struct lodge_events *events)
{
	return events->exception.injected || events->exception.pending || events->nmi.injected ||
	       events->interrupt.injected || events->nmi.pending;
}

/* Not inlined: most entries have no event, and shall not pay for what one needs. */
static noinline u64 next_event(struct lodge_vcpu *vcpu)
{
	struct lodge_events *events = &vcpu->arch.events;

	if (events->exception.injected)
		return repeat_exception(events);
	if (events->exception.pending)
		return begin_exception(vcpu);
	if (events->nmi.injected)
		return LODGE_EVT_VALID | LODGE_EVT_NMI | X86_TRAP_NMI;
	if (events->interrupt.injected)
		return interrupt_event(vcpu);
	if (events->nmi.pending && lodge_x86_nmi_allowed(vcpu))
		return begin_nmi(vcpu);
	return 0;
}

/* A virtual interrupt that is never taken: its intercept fires as soon as the guest could take one. */
static noinline void open_irq_window(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb *vmcb = vcpu->arch.vmcb;

	vmcb->control.int_ctl |= LODGE_V_IRQ | LODGE_V_IGN_TPR | LODGE_V_INTR_PRIO_MASK;
	lodge_vmcb_mark_dirty(vmcb, LODGE_CLEAN_INTR);
	lodge_vmcb_set_intercept(vmcb, LODGE_ICPT_VINTR);
}

static noinline void close_irq_window(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb *vmcb = vcpu->arch.vmcb;

	vmcb->control.int_ctl &= ~(LODGE_V_IRQ | LODGE_V_IGN_TPR | LODGE_V_INTR_PRIO_MASK);
	lodge_vmcb_mark_dirty(vmcb, LODGE_CLEAN_INTR);
	lodge_vmcb_clear_intercept(vmcb, LODGE_ICPT_VINTR);
}

/* Step with TF over the IRET that ends an NMI's mask; the trap is ours. */
static noinline void step_over_iret(struct lodge_vcpu *vcpu)
{
	if (vcpu->arch.nmi_single_step || !vcpu->arch.events.nmi.pending)
		return;
	vcpu->arch.nmi_step_rflags = lodge_x86_get_rflags(vcpu) & (X86_EFLAGS_TF | X86_EFLAGS_RF);
	vcpu->arch.nmi_single_step = true;
	lodge_x86_save(vcpu)->rflags |= X86_EFLAGS_TF | X86_EFLAGS_RF;
}

/**
 * lodge_svm_inject() - put the most urgent event into the VMCB and open the windows for the rest
 * @vcpu: the vCPU
 *
 * Context: interrupts off, just before entry.
 */
void lodge_svm_inject(struct lodge_vcpu *vcpu)
{
	bool window = vcpu->arch.irq_window_wanted;

	vcpu->arch.vmcb->control.event_inj = event_waits(&vcpu->arch.events) ? next_event(vcpu) : 0;
	if (window != lodge_vmcb_intercepts(vcpu->arch.vmcb, LODGE_ICPT_VINTR)) {
		if (window)
			open_irq_window(vcpu);
		else
			close_irq_window(vcpu);
	}
	if (unlikely(vcpu->arch.nmi_window_by_iret))
		step_over_iret(vcpu);
}

/* The IRET was executed, not only reached, once rip has left it. */
static void finish_iret(struct lodge_vcpu *vcpu)
{
	if (!vcpu->arch.nmi_window_by_iret || lodge_x86_rip(vcpu) == vcpu->arch.nmi_iret_rip)
		return;
	vcpu->arch.nmi_window_by_iret = false;
	vcpu->arch.events.nmi.masked = false;
}

static void collect_exception(struct lodge_vcpu *vcpu, u64 info)
{
	struct lodge_events *events = &vcpu->arch.events;

	if (is_soft(info & LODGE_EVT_VECTOR)) {
		if (events->soft_injected) {
			lodge_x86_save(vcpu)->rip = events->soft_rip;
			events->exception.pending = true;
		}
		return;
	}
	events->exception.injected = true;
	events->exception.nr = info & LODGE_EVT_VECTOR;
	events->exception.has_error = info & LODGE_EVT_ERROR_VALID;
	events->exception.error = info >> 32;
	events->exception.has_payload = false;
}

/**
 * lodge_svm_collect() - after an exit: what was delivered is done, what was cut short is to be repeated
 * @vcpu: the vCPU
 *
 * A software interrupt that was cut short is executed again by the guest, so it is dropped.
 * Context: interrupts off, just after exit.
 */
void lodge_svm_collect(struct lodge_vcpu *vcpu)
{
	struct lodge_events *events = &vcpu->arch.events;
	u64 info = vcpu->arch.vmcb->control.exit_int_info;

	finish_iret(vcpu);
	events->exception.injected = false;
	events->interrupt.injected = false;
	events->nmi.injected = false;

	if (info & LODGE_EVT_VALID) {
		switch (info & LODGE_EVT_TYPE) {
		case LODGE_EVT_NMI:
			events->nmi.injected = true;
			break;
		case LODGE_EVT_EXCEPTION:
			collect_exception(vcpu, info);
			break;
		case LODGE_EVT_INTR:
			events->interrupt.injected = true;
			events->interrupt.soft = false;
			events->interrupt.nr = info & LODGE_EVT_VECTOR;
			break;
		}
	}
	events->soft_injected = false;
}
