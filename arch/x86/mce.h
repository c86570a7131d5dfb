/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Machine-check banks: KVM_X86_SETUP_MCE, KVM_X86_SET_MCE, and their MSRs.
 */
#ifndef LODGE_X86_MCE_H
#define LODGE_X86_MCE_H

#include <linux/types.h>

struct lodge_vcpu;

int lodge_mce_init(struct lodge_vcpu *vcpu);	/* -ENOMEM */
void lodge_mce_free(struct lodge_vcpu *vcpu);
u64 lodge_mce_supported(void);	/* KVM_X86_GET_MCE_CAP_SUPPORTED */
long lodge_mce_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp);
bool lodge_mce_is_msr(u32 index);
int lodge_mce_get_msr(struct lodge_vcpu *vcpu, u32 index, u64 *data, bool host);
int lodge_mce_set_msr(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host);

#endif
