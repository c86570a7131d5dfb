/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exceptions, interrupts and NMIs: queueing, and KVM_GET/SET_VCPU_EVENTS, KVM_INTERRUPT, KVM_NMI.
 * Delivery into the VMCB is svm/inject.c.
 *
 * All need the vCPU's mutex unless said otherwise.
 */
#ifndef LODGE_X86_EVENTS_H
#define LODGE_X86_EVENTS_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vcpu;

/*
 * Raise an exception in the guest. Combines with one already there as the manual's table says (double fault; a
 * fault during #DF is shutdown: a triple fault is requested).
 */
void lodge_x86_raise(struct lodge_vcpu *vcpu, u8 vector);
void lodge_x86_raise_error(struct lodge_vcpu *vcpu, u8 vector, u32 error);
/* #PF with its CR2; #DB with the DR6 bits that it sets. */
void lodge_x86_raise_pf(struct lodge_vcpu *vcpu, u64 cr2, u32 error);
void lodge_x86_raise_db(struct lodge_vcpu *vcpu, u64 dr6_bits);

/* Put the payload of the pending exception into CR2 or DR6; done at delivery, or at once without KVM_CAP_EXCEPTION_PAYLOAD. */
void lodge_x86_apply_payload(struct lodge_vcpu *vcpu);

/* Nothing pending, nothing half injected, NMIs open. */
void lodge_x86_events_reset(struct lodge_vcpu *vcpu);

/* Can an external interrupt be taken at the next instruction boundary: IF, shadow, nothing half-injected. */
bool lodge_x86_interrupt_allowed(struct lodge_vcpu *vcpu);
bool lodge_x86_nmi_allowed(struct lodge_vcpu *vcpu);

int lodge_x86_queue_interrupt(struct lodge_vcpu *vcpu, u32 vector);	/* KVM_INTERRUPT: -EINVAL */
void lodge_x86_queue_nmi(struct lodge_vcpu *vcpu);			/* saturates at 2 */

void lodge_x86_get_events(struct lodge_vcpu *vcpu, struct kvm_vcpu_events *events);
int lodge_x86_set_events(struct lodge_vcpu *vcpu, const struct kvm_vcpu_events *events);

#endif
