// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions, interrupts and NMIs on their way to the guest.
 *
 * "Pending" is decided but not begun: the guest has seen nothing of it.
 * "Injected" was handed to the processor, which may have been interrupted
 * while it delivered; it is handed over again as it is.
 */
#include <linux/kvm.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "debugregs.h"
#include "events.h"
#include "regs.h"
#include "svm/vmcb.h"
#include "vcpu.h"
#include "vm.h"

/* DR6: bits that are 0 when their event happened, all others are 1 then. */
#define DR6_ACTIVE_LOW		0xffff0ff0ull
#define DR6_BREAKPOINTS		0xfull
/* A #DB payload has "some breakpoint was enabled" here, where DR6 has a zero. */
#define DB_PAYLOAD_ENABLED	BIT_ULL(12)
#define DR7_GD			BIT_ULL(13)

#define NR_INTERRUPTS		256
#define NR_EXCEPTIONS		32

#define EVENT_FLAGS	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
			 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM | \
			 KVM_VCPUEVENT_VALID_PAYLOAD | KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
#define SHADOW_BOTH	(KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS)

/* How an exception combines with an earlier one that could not be delivered. */
enum exception_class { BENIGN, CONTRIBUTORY, PAGE_FAULT };

static enum exception_class class_of(u8 vector)
{
	switch (vector) {
	case X86_TRAP_PF:
		return PAGE_FAULT;
	case X86_TRAP_DE:
	case X86_TRAP_TS:
	case X86_TRAP_NP:
	case X86_TRAP_SS:
	case X86_TRAP_GP:
		return CONTRIBUTORY;
	default:
		return BENIGN;
	}
}

static bool makes_double_fault(u8 first, u8 second)
{
	enum exception_class a = class_of(first), b = class_of(second);

	return (a == CONTRIBUTORY && b == CONTRIBUTORY) || (a == PAGE_FAULT && b != BENIGN);
}

static void deliver_db_payload(struct lodge_vcpu *vcpu, u64 payload)
{
	u64 dr6 = vcpu->arch.dr6 & ~DR6_BREAKPOINTS;

	dr6 |= DR6_ACTIVE_LOW | payload;
	dr6 ^= payload & DR6_ACTIVE_LOW;
	vcpu->arch.dr6 = dr6 & ~DB_PAYLOAD_ENABLED;
}

static void deliver_payload(struct lodge_vcpu *vcpu)
{
	struct lodge_events *events = &vcpu->arch.events;

	if (!events->exception.has_payload)
		return;
	if (events->exception.nr == X86_TRAP_DB) {
		deliver_db_payload(vcpu, events->exception.payload);
	} else if (events->exception.nr == X86_TRAP_PF) {
		lodge_x86_save(vcpu)->cr2 = events->exception.payload;
		lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_CR2);
	}
	events->exception.has_payload = false;
	events->exception.payload = 0;
}

/**
 * lodge_x86_apply_payload() - the pending exception is being delivered: do its side effects
 * @vcpu: the vCPU
 *
 * CR2 or DR6 get their value, and #DB ends DR7's general detect. Context: vcpu->mutex; also just before entry.
 */
void lodge_x86_apply_payload(struct lodge_vcpu *vcpu)
{
	deliver_payload(vcpu);
	if (vcpu->arch.events.exception.nr == X86_TRAP_DB && (vcpu->arch.dr7 & DR7_GD)) {
		vcpu->arch.dr7 &= ~DR7_GD;
		lodge_dr_update(vcpu);
	}
}

static void make_pending(struct lodge_vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	struct lodge_events *events = &vcpu->arch.events;

	events->exception.pending = true;
	events->exception.injected = false;
	events->exception.nr = vector;
	/* Real mode has no error codes. */
	events->exception.has_error = has_error && (lodge_x86_save(vcpu)->cr0 & X86_CR0_PE);
	events->exception.error = events->exception.has_error ? error : 0;
	events->exception.has_payload = false;
	events->exception.payload = 0;
}

/* Returns true if it is @vector that became pending. */
static bool combine(struct lodge_vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	struct lodge_events *events = &vcpu->arch.events;
	u8 first = events->exception.nr;

	if (events->exception.pending || events->exception.injected) {
		if (first == X86_TRAP_DF) {
			events->exception.pending = false;
			events->exception.injected = false;
			events->triple_fault = true;
			lodge_vcpu_request(vcpu, LODGE_REQ_KICK);
			return false;
		}
		if (makes_double_fault(first, vector)) {
			make_pending(vcpu, X86_TRAP_DF, true, 0);
			return false;
		}
	}
	/* A benign pair: the first one comes again when its instruction does. */
	make_pending(vcpu, vector, has_error, error);
	return true;
}

static void raise_payload(struct lodge_vcpu *vcpu, u8 vector, bool has_error, u32 error, u64 payload)
{
	struct lodge_events *events = &vcpu->arch.events;

	if (!combine(vcpu, vector, has_error, error))
		return;
	events->exception.has_payload = true;
	events->exception.payload = payload;
	if (!READ_ONCE(vcpu->vm->arch.exception_payload))
		deliver_payload(vcpu);
}

/**
 * lodge_x86_raise() - raise an exception without error code
 * @vcpu: the vCPU
 * @vector: 0 to 31
 *
 * Context: vcpu->mutex; also the inner loop.
 */
void lodge_x86_raise(struct lodge_vcpu *vcpu, u8 vector)
{
	combine(vcpu, vector, false, 0);
}

/**
 * lodge_x86_raise_error() - raise an exception with an error code
 * @vcpu: the vCPU
 * @vector: 0 to 31
 * @error: what is pushed, but not in real mode
 *
 * Context: vcpu->mutex; also the inner loop.
 */
void lodge_x86_raise_error(struct lodge_vcpu *vcpu, u8 vector, u32 error)
{
	combine(vcpu, vector, true, error);
}

/**
 * lodge_x86_raise_pf() - raise a page fault
 * @vcpu: the vCPU
 * @cr2: faulting linear address
 * @error: error code
 *
 * Context: vcpu->mutex; also the inner loop.
 */
void lodge_x86_raise_pf(struct lodge_vcpu *vcpu, u64 cr2, u32 error)
{
	raise_payload(vcpu, X86_TRAP_PF, true, error, cr2);
}

/**
 * lodge_x86_raise_db() - raise a debug exception
 * @vcpu: the vCPU
 * @dr6_bits: what DR6 is to show; its active-low bits are given as 1 if they are to become 0
 *
 * Context: vcpu->mutex; also the inner loop.
 */
void lodge_x86_raise_db(struct lodge_vcpu *vcpu, u64 dr6_bits)
{
	raise_payload(vcpu, X86_TRAP_DB, false, 0, dr6_bits);
}

static bool half_injected(const struct lodge_events *events)
{
	return events->exception.injected || events->interrupt.injected || events->nmi.injected;
}

static bool in_shadow(struct lodge_vcpu *vcpu)
{
	return vcpu->arch.vmcb->control.int_state & LODGE_INT_SHADOW;
}

/**
 * lodge_x86_interrupt_allowed() - can an external interrupt be taken at this instruction boundary?
 * @vcpu: the vCPU
 *
 * User space may change registers and inject at will when told so, therefore
 * nothing may be half done. Context: vcpu->mutex. Return: true if so.
 */
bool lodge_x86_interrupt_allowed(struct lodge_vcpu *vcpu)
{
	const struct lodge_events *events = &vcpu->arch.events;

	return (lodge_x86_save(vcpu)->rflags & X86_EFLAGS_IF) && !in_shadow(vcpu) &&
	       !half_injected(events) && !events->exception.pending;
}

/**
 * lodge_x86_nmi_allowed() - can an NMI be taken at this instruction boundary?
 * @vcpu: the vCPU
 *
 * A debugger can ask that stepping is not led astray (KVM_GUESTDBG_BLOCKIRQ).
 * Context: vcpu->mutex; also just before entry. Return: true if so.
 */
bool lodge_x86_nmi_allowed(struct lodge_vcpu *vcpu)
{
	const struct lodge_events *events = &vcpu->arch.events;

	return !events->nmi.masked && !in_shadow(vcpu) && !half_injected(events) &&
	       !(vcpu->arch.guest_debug.control & KVM_GUESTDBG_BLOCKIRQ);
}

/**
 * lodge_x86_queue_interrupt() - KVM_INTERRUPT without an interrupt controller in the kernel
 * @vcpu: the vCPU
 * @vector: interrupt vector
 *
 * User space has seen that the guest can take it; it is delivered at the next
 * entry. Context: vcpu->mutex. Return: 0; -EINVAL: no such vector.
 */
int lodge_x86_queue_interrupt(struct lodge_vcpu *vcpu, u32 vector)
{
	struct lodge_events *events = &vcpu->arch.events;

	if (vector >= NR_INTERRUPTS)
		return -EINVAL;
	events->interrupt.injected = true;
	events->interrupt.soft = false;
	events->interrupt.nr = vector;
	return 0;
}

/* One NMI in service and one that waits is what a processor can hold; without one in service two may wait. */
static unsigned int nmi_limit(const struct lodge_events *events)
{
	return events->nmi.masked || events->nmi.injected ? 1 : 2;
}

/**
 * lodge_x86_queue_nmi() - KVM_NMI
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_queue_nmi(struct lodge_vcpu *vcpu)
{
	struct lodge_events *events = &vcpu->arch.events;

	events->nmi.pending = min(events->nmi.pending + 1, nmi_limit(events));
}

static bool is_soft_exception(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

/*
 * Without the payload capability user space knows one state only: injected. INT3 and INTO are not reported: the guest
 * executes them again, and the ABI has no place for their length.
 */
static void get_exception(struct lodge_vcpu *vcpu, struct kvm_vcpu_events *out)
{
	const struct lodge_events *events = &vcpu->arch.events;
	bool payload = READ_ONCE(vcpu->vm->arch.exception_payload);

	if (!is_soft_exception(events->exception.nr)) {
		out->exception.injected = events->exception.injected || (!payload && events->exception.pending);
		out->exception.pending = events->exception.pending;
	}
	out->exception.nr = events->exception.nr;
	out->exception.has_error_code = events->exception.has_error;
	out->exception.error_code = events->exception.error;
	out->exception_has_payload = events->exception.has_payload;
	out->exception_payload = events->exception.payload;
	if (payload)
		out->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
}

/**
 * lodge_x86_get_events() - KVM_GET_VCPU_EVENTS
 * @vcpu: the vCPU
 * @out: filled in
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_get_events(struct lodge_vcpu *vcpu, struct kvm_vcpu_events *out)
{
	const struct lodge_events *events = &vcpu->arch.events;

	memset(out, 0, sizeof(*out));
	out->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;
	get_exception(vcpu, out);
	out->interrupt.injected = events->interrupt.injected && !events->interrupt.soft;
	out->interrupt.nr = events->interrupt.nr;
	out->interrupt.shadow = in_shadow(vcpu) ? SHADOW_BOTH : 0;
	out->nmi.injected = events->nmi.injected;
	out->nmi.pending = events->nmi.pending;
	out->nmi.masked = events->nmi.masked;
	if (READ_ONCE(vcpu->vm->arch.triple_fault_event)) {
		out->triple_fault.pending = events->triple_fault;
		out->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
}

/* There is no system management mode, so a vCPU cannot be in it or on its way. */
static bool events_valid(struct lodge_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	bool payload = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD;
	bool exception = in->exception.injected || (payload && in->exception.pending);

	if (in->flags & ~(u32)EVENT_FLAGS)
		return false;
	if (payload && !READ_ONCE(vcpu->vm->arch.exception_payload))
		return false;
	if (exception && (in->exception.nr >= NR_EXCEPTIONS || in->exception.nr == X86_TRAP_NMI))
		return false;
	if ((in->flags & KVM_VCPUEVENT_VALID_SMM) && (in->smi.smm || in->smi.pending || in->smi.smm_inside_nmi))
		return false;
	return !(in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) || READ_ONCE(vcpu->vm->arch.triple_fault_event);
}

/* Pending and a payload exist for those who say that they know them; pending excludes injected. */
static void set_exception(struct lodge_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	struct lodge_events *events = &vcpu->arch.events;
	bool pending = (in->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && in->exception.pending;

	events->exception.pending = pending;
	events->exception.injected = !pending && in->exception.injected;
	events->exception.nr = in->exception.nr;
	events->exception.has_error = in->exception.has_error_code;
	events->exception.error = in->exception.error_code;
	events->exception.has_payload = pending && in->exception_has_payload;
	events->exception.payload = events->exception.has_payload ? in->exception_payload : 0;
}

/* The end of the NMI handler is seen by intercepting its IRET. */
static void set_nmi_mask(struct lodge_vcpu *vcpu, bool masked)
{
	vcpu->arch.events.nmi.masked = masked;
	vcpu->arch.nmi_window_by_iret = false;
	if (masked)
		lodge_vmcb_set_intercept(vcpu->arch.vmcb, LODGE_ICPT_IRET);
	else
		lodge_vmcb_clear_intercept(vcpu->arch.vmcb, LODGE_ICPT_IRET);
}

/**
 * lodge_x86_events_reset() - forget everything on its way to the guest
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_events_reset(struct lodge_vcpu *vcpu)
{
	memset(&vcpu->arch.events, 0, sizeof(vcpu->arch.events));
	vcpu->arch.nmi_single_step = false;
	set_nmi_mask(vcpu, false);
}

static void set_nmi(struct lodge_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	struct lodge_events *events = &vcpu->arch.events;

	events->nmi.injected = in->nmi.injected;
	set_nmi_mask(vcpu, in->nmi.masked);
	if (in->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		events->nmi.pending = in->nmi.pending;
	events->nmi.pending = min(events->nmi.pending, nmi_limit(events));
}

static void set_shadow(struct lodge_vcpu *vcpu, bool shadow)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;

	if (shadow)
		control->int_state |= LODGE_INT_SHADOW;
	else
		control->int_state &= ~LODGE_INT_SHADOW;
}

/**
 * lodge_x86_set_events() - KVM_SET_VCPU_EVENTS
 * @vcpu: the vCPU
 * @in: any values
 *
 * Context: vcpu->mutex. Return: 0, or -EINVAL before anything changed.
 */
int lodge_x86_set_events(struct lodge_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	struct lodge_events *events = &vcpu->arch.events;

	if (!events_valid(vcpu, in))
		return -EINVAL;
	set_exception(vcpu, in);
	events->interrupt.injected = in->interrupt.injected;
	events->interrupt.nr = in->interrupt.nr;
	events->interrupt.soft = in->interrupt.soft;
	if (in->flags & KVM_VCPUEVENT_VALID_SHADOW)
		set_shadow(vcpu, in->interrupt.shadow);
	set_nmi(vcpu, in);
	if (in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		events->triple_fault = in->triple_fault.pending;
	return 0;
}
