/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model-specific registers: guest accesses, KVM_GET/SET_MSRS.
 */
#ifndef LODGE_X86_MSR_H
#define LODGE_X86_MSR_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vcpu;
struct lodge_vm;

/* What the accessors return beside 0; both are #GP for a guest and "stop here" for KVM_GET/SET_MSRS. */
#define LODGE_MSR_INVALID	1	/* the register is there; not this access, not this value */
#define LODGE_MSR_UNKNOWN	2	/* no such register */

int lodge_msr_get(struct lodge_vcpu *vcpu, u32 index, u64 *data, bool host);
int lodge_msr_set(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host);

int lodge_msr_emulate(struct lodge_vcpu *vcpu, bool write, unsigned long next_rip);
bool lodge_msr_emulate_fast(struct lodge_vcpu *vcpu, bool write, unsigned long next_rip);

void lodge_msr_init(void);
void lodge_msr_reset(struct lodge_vcpu *vcpu);
/* KVM_GET_MSRS, KVM_SET_MSRS of a vCPU */
long lodge_msr_vcpu_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp);

/* msr_list.c: KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSRS of the system file */
void lodge_msr_list_init(bool tsc_aux, bool spec_ctrl);
long lodge_msr_list_ioctl(unsigned int ioctl, void __user *argp);
int lodge_msr_list_get_feature(u32 index, u64 *data);
/* One KVM_GET/SET_MSRS: @access is called for each entry until it returns other than 0; @arg goes to it. */
long lodge_msr_list_access(void __user *argp, int (*access)(void *arg, u32 index, u64 *data), void *arg, bool write_back);

/* msr_passthrough.c: what guests reach without an exit */
void lodge_msr_fill_permission_map(unsigned long *msrpm);
void lodge_msr_passthrough_filter(struct lodge_vm *vm);

#endif
