/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUID: what Lodge supports on this host, and what a guest sees.
 */
#ifndef LODGE_X86_CPUID_H
#define LODGE_X86_CPUID_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vcpu;

/* A feature is named by where CPUID reports it: leaf, index, register (0 EAX .. 3 EDX), bit. */
struct lodge_cpuid_bit {
	u32 leaf;
	u8 index;
	u8 reg;
	u8 bit;
};

/* Names used outside cpuid.c are defined in cpuid_bits.h as LODGE_CPUID_<NAME> initialisers. */

/* Module init: works out the supported set once from the host's CPUID. */
void lodge_cpuid_init(void);

/* KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID: the E2BIG protocol of KVM. May sleep. */
long lodge_cpuid_get_supported(void __user *argp, unsigned int ioctl);

/* KVM_SET_CPUID(2), KVM_GET_CPUID2. set: -EINVAL, -E2BIG, -ENOMEM before anything changes; after KVM_RUN only the same table (-EINVAL). */
int lodge_cpuid_set(struct lodge_vcpu *vcpu, const struct kvm_cpuid_entry2 *entries, unsigned int nent);
long lodge_cpuid_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp);
void lodge_cpuid_free(struct lodge_vcpu *vcpu);

/* What the guest's CPUID instruction returns now (OSXSAVE, XSAVE sizes... refreshed). Inputs in *eax, *ecx. Any context. */
void lodge_cpuid_guest(struct lodge_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);

/* Does the guest's table have this feature? Any context, cheap enough for MSR and CR handlers. */
bool lodge_cpuid_has(struct lodge_vcpu *vcpu, struct lodge_cpuid_bit bit);
/* Guest's physical address bits (36 if CPUID does not say). */
unsigned int lodge_cpuid_maxphyaddr(struct lodge_vcpu *vcpu);
/* Physical address bits Lodge offers on this host. */
unsigned int lodge_cpuid_host_maxphyaddr(void);
/* XCR0 bits that guests may have on this host. */
u64 lodge_cpuid_xcr0_supported(void);

#endif
