/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KVM_CAP_SYNC_REGS: registers travel in kvm_run instead of by ioctls.
 */
#ifndef LODGE_X86_SYNC_REGS_H
#define LODGE_X86_SYNC_REGS_H

struct lodge_vcpu;

/* Start and end of KVM_RUN. in: 0; -EINVAL: unknown sets named, or values that the ioctls would refuse. */
int lodge_sync_regs_in(struct lodge_vcpu *vcpu);
void lodge_sync_regs_out(struct lodge_vcpu *vcpu);

#endif
