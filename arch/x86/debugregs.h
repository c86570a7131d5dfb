/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Debug registers, the guest's own and KVM_SET_GUEST_DEBUG's.
 */
#ifndef LODGE_X86_DEBUGREGS_H
#define LODGE_X86_DEBUGREGS_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vcpu;

/*
 * Guest's MOV to and from DR. 0; or 1 after raising the exception that is due (#GP, #UD, #DB
 * for DR7.GD) or asking for an exit to user space.
 */
int lodge_dr_get(struct lodge_vcpu *vcpu, unsigned int n, u64 *val);
int lodge_dr_set(struct lodge_vcpu *vcpu, unsigned int n, u64 val);

/* Recompute the VMCB's DR6/DR7 and intercepts after a change of either side. */
void lodge_dr_update(struct lodge_vcpu *vcpu);

/* Around each entry, interrupts off: load guest DR0-3 where they are live; afterwards put the host's back if it uses any. */
void lodge_dr_enter(struct lodge_vcpu *vcpu);
void lodge_dr_leave(struct lodge_vcpu *vcpu);

/* #DB and #BP intercepts: LODGE_EXIT_TO_USER with KVM_EXIT_DEBUG if user space debugs, else raised in the guest. */
int lodge_dr_handle_db(struct lodge_vcpu *vcpu);
int lodge_dr_handle_bp(struct lodge_vcpu *vcpu);
/*
 * After an emulated instruction (lodge_x86_advance_rip() calls it): the single-step trap that hardware would have
 * raised. RESUME always; user space's step becomes an exit in lodge_arch_vcpu_prepare(), by lodge_dr_exit_due().
 */
int lodge_dr_emulated_step(struct lodge_vcpu *vcpu);
bool lodge_dr_exit_due(struct lodge_vcpu *vcpu);
/* The inner loop was left: the guest's accesses are intercepted again. */
void lodge_dr_depart(struct lodge_vcpu *vcpu);

int lodge_dr_set_guest_debug(struct lodge_vcpu *vcpu, const struct kvm_guest_debug *dbg);
void lodge_dr_get_debugregs(struct lodge_vcpu *vcpu, struct kvm_debugregs *dbg);
int lodge_dr_set_debugregs(struct lodge_vcpu *vcpu, const struct kvm_debugregs *dbg);
void lodge_dr_reset(struct lodge_vcpu *vcpu);

#endif
