/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUID: what Lodge offers on this host, and what a guest sees.
 */
#ifndef LODGE_X86_CPUID_H
#define LODGE_X86_CPUID_H

#include <linux/kvm.h>
#include <linux/types.h>

struct lodge_vcpu;

/* A feature is named by where CPUID reports it: leaf, index, register (0 EAX .. 3 EDX), bit; see cpuid_bits.h. */
struct lodge_cpuid_bit {
	u32 leaf;
	u8 index;
	u8 reg;
	u8 bit;
};

/* As in KVM. */
#define LODGE_CPUID_MAX_ENTRIES	256

/* cpuid_supported.c */

void lodge_cpuid_init(void);
/* KVM_GET_SUPPORTED_CPUID */
long lodge_cpuid_get_supported(void __user *argp);
bool lodge_cpuid_offers(struct lodge_cpuid_bit bit);
u64 lodge_cpuid_xcr0_supported(void);
unsigned int lodge_cpuid_xstate_size(u64 components, bool compacted);

/* cpuid.c */

void lodge_cpuid_vcpu_init(struct lodge_vcpu *vcpu);
long lodge_cpuid_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp);
void lodge_cpuid_free(struct lodge_vcpu *vcpu);
void lodge_cpuid_guest(struct lodge_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
bool lodge_cpuid_has(struct lodge_vcpu *vcpu, struct lodge_cpuid_bit bit);
unsigned int lodge_cpuid_maxphyaddr(struct lodge_vcpu *vcpu);

#endif
