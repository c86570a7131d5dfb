// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: what Lodge offers on this host.
 *
 * A feature is offered if the processor has it, the host kernel has not turned
 * it off, and a guest that uses it gets what the manual promises. Worked out
 * once; constant afterwards.
 */
#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/kvm_para.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

#include "compat.h"
#include "cpuid.h"
#include "cpuid_bits.h"

#define BASIC_LAST	0xdu
#define HYPERVISOR_BASE	0x40000000u
#define EXTENDED	0x80000000u
#define EXTENDED_LAST	0x80000021u

/* Standard-format XSAVE: 512 bytes of legacy state, 64 of header. */
#define XSAVE_FIXED	576

/* x87, SSE, AVX, the three of AVX-512, PKRU. */
#define XCR0_OFFERED	(BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(2) | BIT_ULL(5) | BIT_ULL(6) | BIT_ULL(7) | BIT_ULL(9))

static struct kvm_cpuid_entry2 supported[48] __ro_after_init;
static unsigned int nr_supported __ro_after_init;
static u64 xcr0_supported __ro_after_init;

static struct xstate_component {
	u32 size;
	u32 offset;	/* in the standard format */
	bool align;	/* to 64 bytes in the compacted format */
} component[64] __ro_after_init;

/* The host kernel keeps its own copy of most feature registers, without what it has turned off. */
#define KERNEL(feature)	((feature) / 32)
#define RAW		-1

/**
 * struct offer - bits of one register that are the host's own
 * @leaf:  CPUID leaf
 * @index: its index, 0 where it has none
 * @reg:   register
 * @word:  KERNEL(any feature of this register): and-ed with the kernel's copy
 * @bits:  what may be passed on
 *
 * Several rows may name one register.
 */
struct offer {
	u32 leaf;
	u8 index;
	u8 reg;
	int word;
	u32 bits;
};

static const struct offer offers[] = {
	/* vendor; family and model; CLFLUSH line size */
	{ 0, 0, LODGE_EBX, RAW, ~0u },
	{ 0, 0, LODGE_ECX, RAW, ~0u },
	{ 0, 0, LODGE_EDX, RAW, ~0u },
	{ 1, 0, LODGE_EAX, RAW, ~0u },
	{ 1, 0, LODGE_EBX, RAW, 0xff00 },
	/* SSE3 PCLMULQDQ SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND */
	{ 1, 0, LODGE_ECX, KERNEL(X86_FEATURE_XMM3),
	  BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) |
	  BIT(26) | BIT(28) | BIT(29) | BIT(30) },
	/* FPU VME DE PSE TSC MSR PAE MCE CX8 SEP MTRR PGE MCA CMOV PAT PSE36 CLFLUSH MMX FXSR SSE SSE2 SS; no APIC */
	{ 1, 0, LODGE_EDX, KERNEL(X86_FEATURE_FPU),
	  GENMASK(8, 0) | GENMASK(17, 11) | BIT(19) | GENMASK(27, 23) },
	/* FSGSBASE BMI1 AVX2 FDP SMEP BMI2 ERMS INVPCID ZERO_FCS */
	{ 7, 0, LODGE_EBX, KERNEL(X86_FEATURE_FSGSBASE),
	  BIT(0) | BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(13) },
	/* AVX512F DQ, RDSEED ADX SMAP AVX512-IFMA CLFLUSHOPT CLWB AVX512CD SHA AVX512BW VL */
	{ 7, 0, LODGE_EBX, KERNEL(X86_FEATURE_FSGSBASE),
	  BIT(16) | BIT(17) | BIT(18) | BIT(19) | BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(28) | BIT(29) | BIT(30) |
	  BIT(31) },
	/* AVX512-VBMI, VBMI2, GFNI VAES VPCLMULQDQ AVX512-VNNI BITALG VPOPCNTDQ, RDPID CLDEMOTE MOVDIRI MOVDIR64B */
	{ 7, 0, LODGE_ECX, KERNEL(X86_FEATURE_PKU),
	  BIT(1) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) | BIT(22) | BIT(25) | BIT(27) |
	  BIT(28) },
	/* UMIP, LA57: guests have them whatever the host does with its own CR4 */
	{ 7, 0, LODGE_ECX, RAW, BIT(2) | BIT(16) },
	/* FSRM AVX512-VP2INTERSECT SERIALIZE AVX512-FP16 */
	{ 7, 0, LODGE_EDX, RAW, BIT(4) | BIT(8) | BIT(14) | BIT(23) },
	/* AVX-VNNI AVX512-BF16 CMPCCXADD FZRM FSRS FSRC AVX-IFMA */
	{ 7, 1, LODGE_EAX, RAW, BIT(4) | BIT(5) | BIT(7) | BIT(10) | BIT(11) | BIT(12) | BIT(23) },
	/* XSAVEOPT XSAVEC XGETBV1; no XSAVES, which would need IA32_XSS */
	{ 0xd, 1, LODGE_EAX, KERNEL(X86_FEATURE_XSAVEOPT), BIT(0) | BIT(1) | BIT(2) },
	/* vendor, family and model again */
	{ EXTENDED, 0, LODGE_EBX, RAW, ~0u },
	{ EXTENDED, 0, LODGE_ECX, RAW, ~0u },
	{ EXTENDED, 0, LODGE_EDX, RAW, ~0u },
	{ 0x80000001, 0, LODGE_EAX, RAW, ~0u },
	/* LAHF CMP_LEGACY CR8_LEGACY ABM SSE4A MISALIGNSSE 3DNOWPREFETCH XOP FMA4 TBM */
	{ 0x80000001, 0, LODGE_ECX, KERNEL(X86_FEATURE_LAHF_LM),
	  BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | BIT(16) | BIT(21) },
	/* SYSCALL NX MMXEXT FXSR_OPT GBPAGES RDTSCP LM 3DNOWEXT 3DNOW */
	{ 0x80000001, 0, LODGE_EDX, KERNEL(X86_FEATURE_SYSCALL),
	  BIT(11) | BIT(20) | BIT(22) | BIT(25) | BIT(26) | BIT(27) | BIT(29) | BIT(30) | BIT(31) },
	/* those that repeat 1.EDX; the kernel does not keep them twice */
	{ 0x80000001, 0, LODGE_EDX, RAW, GENMASK(8, 0) | GENMASK(17, 12) | BIT(23) | BIT(24) },
	/* brand string, caches and TLBs */
	{ 0x80000002, 0, LODGE_EAX, RAW, ~0u }, { 0x80000002, 0, LODGE_EBX, RAW, ~0u },
	{ 0x80000002, 0, LODGE_ECX, RAW, ~0u }, { 0x80000002, 0, LODGE_EDX, RAW, ~0u },
	{ 0x80000003, 0, LODGE_EAX, RAW, ~0u }, { 0x80000003, 0, LODGE_EBX, RAW, ~0u },
	{ 0x80000003, 0, LODGE_ECX, RAW, ~0u }, { 0x80000003, 0, LODGE_EDX, RAW, ~0u },
	{ 0x80000004, 0, LODGE_EAX, RAW, ~0u }, { 0x80000004, 0, LODGE_EBX, RAW, ~0u },
	{ 0x80000004, 0, LODGE_ECX, RAW, ~0u }, { 0x80000004, 0, LODGE_EDX, RAW, ~0u },
	{ 0x80000005, 0, LODGE_EAX, RAW, ~0u }, { 0x80000005, 0, LODGE_EBX, RAW, ~0u },
	{ 0x80000005, 0, LODGE_ECX, RAW, ~0u }, { 0x80000005, 0, LODGE_EDX, RAW, ~0u },
	{ 0x80000006, 0, LODGE_EAX, RAW, ~0u }, { 0x80000006, 0, LODGE_EBX, RAW, ~0u },
	{ 0x80000006, 0, LODGE_ECX, RAW, ~0u }, { 0x80000006, 0, LODGE_EDX, RAW, ~0u },
	/* CLZERO XSAVEERPTR WBNOINVD IBPB IBRS STIBP STIBP_ALWAYS_ON SSBD SSB_NO PSFD BTC_NO IBPB_RET */
	{ 0x80000008, 0, LODGE_EBX, KERNEL(X86_FEATURE_CLZERO),
	  BIT(0) | BIT(2) | BIT(9) | BIT(12) | BIT(14) | BIT(15) | BIT(17) | BIT(24) | BIT(26) | BIT(28) | BIT(29) |
	  BIT(30) },
	/* 1G TLBs; how wide SSE runs */
	{ 0x80000019, 0, LODGE_EAX, RAW, ~0u }, { 0x80000019, 0, LODGE_EBX, RAW, ~0u },
	{ 0x8000001a, 0, LODGE_EAX, RAW, GENMASK(2, 0) },
	/* NO_NESTED_DATA_BP WRMSR_BASE_NS LFENCE_RDTSC NULL_SEL_CLR_BASE AUTOIBRS FSRS FSRC PREFETCHI SRSO_NO */
	{ 0x80000021, 0, LODGE_EAX, RAW,
	  BIT(0) | BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(10) | BIT(11) | BIT(20) | BIT(29) },
};

static u32 *entry_reg(struct kvm_cpuid_entry2 *entry, unsigned int reg)
{
	switch (reg) {
	case LODGE_EAX:
		return &entry->eax;
	case LODGE_EBX:
		return &entry->ebx;
	case LODGE_ECX:
		return &entry->ecx;
	default:
		return &entry->edx;
	}
}

static struct kvm_cpuid_entry2 host_cpuid(u32 leaf, u32 index)
{
	struct kvm_cpuid_entry2 host = { .function = leaf, .index = index };

	cpuid_count(leaf, index, &host.eax, &host.ebx, &host.ecx, &host.edx);
	return host;
}

static u32 passed_on(const struct offer *offer, struct kvm_cpuid_entry2 *host)
{
	u32 bits = offer->bits & *entry_reg(host, offer->reg);

	return offer->word == RAW ? bits : bits & boot_cpu_data.x86_capability[offer->word];
}

/* Leaf @leaf with what the table above passes on of it. @indexed: the index counts in it. */
static struct kvm_cpuid_entry2 *add(u32 leaf, u32 index, bool indexed)
{
	struct kvm_cpuid_entry2 host = host_cpuid(leaf, index);
	struct kvm_cpuid_entry2 *entry = &supported[nr_supported++];
	unsigned int i;

	entry->function = leaf;
	entry->index = index;
	entry->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	for (i = 0; i < ARRAY_SIZE(offers); i++)
		if (offers[i].leaf == leaf && offers[i].index == index)
			*entry_reg(entry, offers[i].reg) |= passed_on(&offers[i], &host);
	return entry;
}

static void add_features(void)
{
	struct kvm_cpuid_entry2 *entry = add(7, 0, true);
	struct kvm_cpuid_entry2 host = host_cpuid(7, 0);

	entry->eax = min(host.eax, 1u);
	entry->ebx |= BIT(1);	/* IA32_TSC_ADJUST: clock.c has it */
	if (__read_cr4() & X86_CR4_PKE)
		entry->ecx |= host.ecx & BIT(3);	/* without it the host's PKRU could not be put back */
	if (entry->eax)
		add(7, 1, true);
}

static void read_components(void)
{
	unsigned int i;

	if (!(__read_cr4() & X86_CR4_OSXSAVE))
		return;
	xcr0_supported = xgetbv(XCR_XFEATURE_ENABLED_MASK) & XCR0_OFFERED;
	for (i = 2; i < ARRAY_SIZE(component); i++) {
		struct kvm_cpuid_entry2 host;

		if (!(xcr0_supported & BIT_ULL(i)))
			continue;
		host = host_cpuid(0xd, i);
		component[i].size = host.eax;
		component[i].offset = host.ebx;
		component[i].align = host.ecx & BIT(1);
	}
}

static void add_xsave(void)
{
	struct kvm_cpuid_entry2 *entry = add(0xd, 0, true);
	unsigned int i;

	entry->eax = lower_32_bits(xcr0_supported);
	entry->edx = upper_32_bits(xcr0_supported);
	entry->ebx = lodge_cpuid_xstate_size(xcr0_supported, false);
	entry->ecx = entry->ebx;

	entry = add(0xd, 1, true);
	if (entry->eax & BIT(1))
		entry->ebx = lodge_cpuid_xstate_size(xcr0_supported, true);
	for (i = 2; i < ARRAY_SIZE(component); i++) {
		if (!component[i].size)
			continue;
		entry = add(0xd, i, true);
		entry->eax = component[i].size;
		entry->ebx = component[i].offset;
		entry->ecx = component[i].align ? BIT(1) : 0;
	}
}

static void add_basic(void)
{
	struct kvm_cpuid_entry2 *entry = add(0, 0, false);
	u32 max = min(host_cpuid(0, 0).eax, BASIC_LAST);
	u32 leaf;

	entry->eax = max;
	entry = add(1, 0, false);
	entry->ecx |= BIT(31);	/* under a hypervisor */
	for (leaf = 2; leaf <= min(max, 6u); leaf++)
		add(leaf, 0, leaf == 4);
	if (max >= 7)
		add_features();
	if (max >= 0xd && xcr0_supported)
		add_xsave();
}

/*
 * Guest-physical bits beyond what nested page tables of this host's depth
 * reach are reported apart from the processor's physical bits.
 */
static void add_address_sizes(void)
{
	struct kvm_cpuid_entry2 *entry = add(0x80000008, 0, false);
	u32 host = host_cpuid(0x80000008, 0).eax;
	u32 phys = host & 0xff, linear = max((host >> 8) & 0xff, 48u);
	u32 reach = __read_cr4() & X86_CR4_LA57 ? 57 : 48;

	entry->eax = phys | linear << 8 | min(phys, reach) << 16;
}

/* Where LFENCE serialises because the kernel has set an MSR so, guests are told by CPUID, as on newer processors. */
static void add_extended_features(u32 host_max)
{
	struct kvm_cpuid_entry2 *entry = host_max >= EXTENDED_LAST ? add(EXTENDED_LAST, 0, false) : NULL;

	if (!entry) {
		entry = &supported[nr_supported++];
		entry->function = EXTENDED_LAST;
	}
	if (boot_cpu_has(X86_FEATURE_LFENCE_RDTSC))
		entry->eax |= BIT(2);
}

static void add_extended(void)
{
	struct kvm_cpuid_entry2 *base = add(EXTENDED, 0, false), *entry;
	u32 host_max = host_cpuid(EXTENDED, 0).eax, leaf;

	base->eax = min(host_max, EXTENDED_LAST);
	for (leaf = 0x80000001; leaf <= min(host_max, 0x80000006u); leaf++)
		add(leaf, 0, false);
	if (host_max >= 0x80000007) {
		entry = add(0x80000007, 0, false);
		if (boot_cpu_has(X86_FEATURE_CONSTANT_TSC))
			entry->edx = host_cpuid(0x80000007, 0).edx & BIT(8);
	}
	if (host_max >= 0x80000008)
		add_address_sizes();
	for (leaf = 0x80000019; leaf <= min(host_max, 0x8000001au); leaf++)
		add(leaf, 0, false);

	if (host_max >= EXTENDED_LAST || boot_cpu_has(X86_FEATURE_LFENCE_RDTSC)) {
		base->eax = EXTENDED_LAST;
		add_extended_features(host_max);
	}
}

/* The signature that guests look for, and what of KVM's guest interface is there: port 0x80 needs no delays. */
static void add_hypervisor(void)
{
	struct kvm_cpuid_entry2 *entry = &supported[nr_supported++];
	static const u32 signature[3] = { 0x4b4d564b, 0x564b4d56, 0x4d };	/* "KVMKVMKVM" */

	entry->function = HYPERVISOR_BASE;
	entry->eax = KVM_CPUID_FEATURES;
	entry->ebx = signature[0];
	entry->ecx = signature[1];
	entry->edx = signature[2];

	entry = &supported[nr_supported++];
	entry->function = KVM_CPUID_FEATURES;
	entry->eax = BIT(KVM_FEATURE_NOP_IO_DELAY);
}

/**
 * lodge_cpuid_init() - work out what is offered on this host
 *
 * Context: module init, once, before any VM.
 */
void lodge_cpuid_init(void)
{
	read_components();
	add_basic();
	add_extended();
	add_hypervisor();
}

/**
 * lodge_cpuid_get_supported() - KVM_GET_SUPPORTED_CPUID
 * @argp: struct kvm_cpuid2 of the caller
 *
 * Context: may sleep. Return: 0; -E2BIG if there is no room for all entries, which writes nothing; -EFAULT.
 */
long lodge_cpuid_get_supported(void __user *argp)
{
	struct kvm_cpuid2 __user *user = argp;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent < nr_supported)
		return -E2BIG;
	if (copy_to_user(user->entries, supported, nr_supported * sizeof(supported[0])))
		return -EFAULT;
	head.nent = nr_supported;
	return copy_to_user(user, &head, sizeof(head)) ? -EFAULT : 0;
}

/**
 * lodge_cpuid_offers() - does Lodge offer a feature on this host?
 * @bit: the feature
 *
 * Context: any, after lodge_cpuid_init(). Return: true if so.
 */
bool lodge_cpuid_offers(struct lodge_cpuid_bit bit)
{
	unsigned int i;

	for (i = 0; i < nr_supported; i++)
		if (supported[i].function == bit.leaf && supported[i].index == bit.index)
			return *entry_reg(&supported[i], bit.reg) & BIT(bit.bit);
	return false;
}

/**
 * lodge_cpuid_xcr0_supported() - bits of XCR0 that guests may have on this host
 *
 * Context: any, after lodge_cpuid_init(). Return: bits, 0 without XSAVE.
 */
u64 lodge_cpuid_xcr0_supported(void)
{
	return xcr0_supported;
}

/**
 * lodge_cpuid_xstate_size() - bytes that XSAVE or XSAVEC of these components fills
 * @components: bits of XCR0; those that are not offered count nothing
 * @compacted:  XSAVEC's format
 *
 * Context: any. Return: bytes.
 */
unsigned int lodge_cpuid_xstate_size(u64 components, bool compacted)
{
	unsigned int i, size = XSAVE_FIXED;

	for (i = 2; i < ARRAY_SIZE(component); i++) {
		if (!(components & BIT_ULL(i)) || !component[i].size)
			continue;
		if (!compacted)
			size = max(size, component[i].offset + component[i].size);
		else
			size = (component[i].align ? ALIGN(size, 64) : size) + component[i].size;
	}
	return size;
}
