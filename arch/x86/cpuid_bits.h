/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUID features that the code asks for, as initialisers of struct
 * lodge_cpuid_bit: (struct lodge_cpuid_bit)LODGE_CPUID_LM.
 */
#ifndef LODGE_X86_CPUID_BITS_H
#define LODGE_X86_CPUID_BITS_H

#define LODGE_EAX	0
#define LODGE_EBX	1
#define LODGE_ECX	2
#define LODGE_EDX	3

#define LODGE_CPUID_PCID		{ 0x1, 0, LODGE_ECX, 17 }
#define LODGE_CPUID_X2APIC		{ 0x1, 0, LODGE_ECX, 21 }
#define LODGE_CPUID_XSAVE		{ 0x1, 0, LODGE_ECX, 26 }
#define LODGE_CPUID_FSGSBASE		{ 0x7, 0, LODGE_EBX, 0 }
#define LODGE_CPUID_TSC_ADJUST		{ 0x7, 0, LODGE_EBX, 1 }
#define LODGE_CPUID_SMEP		{ 0x7, 0, LODGE_EBX, 7 }
#define LODGE_CPUID_SMAP		{ 0x7, 0, LODGE_EBX, 20 }
#define LODGE_CPUID_UMIP		{ 0x7, 0, LODGE_ECX, 2 }
#define LODGE_CPUID_PKU			{ 0x7, 0, LODGE_ECX, 3 }
#define LODGE_CPUID_LA57		{ 0x7, 0, LODGE_ECX, 16 }
#define LODGE_CPUID_RDPID		{ 0x7, 0, LODGE_ECX, 22 }
#define LODGE_CPUID_SPEC_CTRL		{ 0x7, 0, LODGE_EDX, 26 }
#define LODGE_CPUID_INTEL_STIBP		{ 0x7, 0, LODGE_EDX, 27 }
#define LODGE_CPUID_INTEL_SSBD		{ 0x7, 0, LODGE_EDX, 31 }
#define LODGE_CPUID_NX			{ 0x80000001, 0, LODGE_EDX, 20 }
#define LODGE_CPUID_FXSR_OPT		{ 0x80000001, 0, LODGE_EDX, 25 }
#define LODGE_CPUID_RDTSCP		{ 0x80000001, 0, LODGE_EDX, 27 }
#define LODGE_CPUID_LM			{ 0x80000001, 0, LODGE_EDX, 29 }
#define LODGE_CPUID_AMD_IBPB		{ 0x80000008, 0, LODGE_EBX, 12 }
#define LODGE_CPUID_AMD_IBRS		{ 0x80000008, 0, LODGE_EBX, 14 }
#define LODGE_CPUID_AMD_STIBP		{ 0x80000008, 0, LODGE_EBX, 15 }
#define LODGE_CPUID_AMD_SSBD		{ 0x80000008, 0, LODGE_EBX, 24 }
#define LODGE_CPUID_AMD_PSFD		{ 0x80000008, 0, LODGE_EBX, 28 }
#define LODGE_CPUID_AUTOIBRS		{ 0x80000021, 0, LODGE_EAX, 8 }

/* LODGE_HAS(vcpu, LM): does the guest's table have the feature? */
#define LODGE_HAS(vcpu, name) \
	lodge_cpuid_has(vcpu, (struct lodge_cpuid_bit)LODGE_CPUID_##name)
/* LODGE_OFFERS(LM): does Lodge offer it on this host? */
#define LODGE_OFFERS(name) \
	lodge_cpuid_offers((struct lodge_cpuid_bit)LODGE_CPUID_##name)

#endif
