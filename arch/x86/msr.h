/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model-specific registers: guest accesses, KVM_GET/SET_MSRS, lists, filter.
 */
#ifndef LODGE_X86_MSR_H
#define LODGE_X86_MSR_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vcpu;
struct lodge_vm;

/* One access. 0; 1: #GP for a guest, "stop here" for KVM_GET/SET_MSRS. @host: from an ioctl. Never sleeps unless @host. */
int lodge_msr_get(struct lodge_vcpu *vcpu, u32 index, u64 *data, bool host);
int lodge_msr_set(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host);

/*
 * RDMSR/WRMSR intercepts, after the instruction's length is known: filter, user-space exits, #GP.
 * Returns LODGE_RESUME_GUEST or LODGE_EXIT_TO_USER; advances rip itself where the instruction completes.
 */
int lodge_msr_emulate(struct lodge_vcpu *vcpu, bool write, unsigned long next_rip);
/* The same for the inner loop: true if done without leaving it. */
bool lodge_msr_emulate_fast(struct lodge_vcpu *vcpu, bool write, unsigned long next_rip);

/* Module init: which MSRs of the list this host has. */
void lodge_msr_init(void);
long lodge_msr_dev_ioctl(unsigned int ioctl, void __user *argp);	/* index lists, feature MSRs */
long lodge_msr_vcpu_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp);	/* KVM_GET/SET_MSRS */
/* KVM_X86_SET_MSR_FILTER; @compat: the 32-bit layout. */
long lodge_msr_set_filter(struct lodge_vm *vm, void __user *argp, bool compat);
void lodge_msr_vm_destroy(struct lodge_vm *vm);
void lodge_msr_reset(struct lodge_vcpu *vcpu);

/* Permission map shared by a VM's vCPUs: which MSRs guests reach directly (fs/gs base, syscall, sysenter). */
void lodge_msr_fill_permission_map(unsigned long *msrpm);

#endif
