/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KVM_X86_SET_MSR_FILTER: MSRs that user space keeps from a VM's guests.
 */
#ifndef LODGE_X86_MSR_FILTER_H
#define LODGE_X86_MSR_FILTER_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vm;

/* What a 32-bit process passes. */
struct lodge_msr_filter_compat {
	__u32 flags;
	struct {
		__u32 flags;
		__u32 nmsrs;
		__u32 base;
		__u32 bitmap;
	} ranges[KVM_MSR_FILTER_MAX_RANGES];
};

#define LODGE_X86_SET_MSR_FILTER_COMPAT	_IOW(KVMIO, 0xc6, struct lodge_msr_filter_compat)

long lodge_msr_filter_set(struct lodge_vm *vm, void __user *argp, bool compat);
void lodge_msr_filter_free(struct lodge_vm *vm);
bool lodge_msr_filter_allows(struct lodge_vm *vm, u32 index, bool write);

#endif
