// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: a vCPU's table, and what follows from it.
 *
 * User space's entries are kept as they came. The few bits that follow the
 * vCPU's state (OSXSAVE, XSAVE's size...) are put in whenever a table is read.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "cpuid.h"
#include "cpuid_bits.h"
#include "regs.h"
#include "trace_x86.h"
#include "vcpu.h"

#define HYPERVISOR_BASE		0x40000000u
#define EXTENDED		0x80000000u
#define CENTAUR			0xc0000000u

/* XTILE data: the state component that a process needs a permission for. */
#define XCR0_NEEDS_PERMISSION	BIT_ULL(18)

#define MAXPHYADDR_DEFAULT	36
#define MAXPHYADDR_LIMIT	52

#define CR4_ALWAYS (X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | \
		    X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/* Leaves that have a place of their own in the index: the first of each range. */
#define DIRECT_BASIC		0x20
#define DIRECT_HYPERVISOR	4
#define DIRECT_EXTENDED		0x28
#define DIRECT_SLOTS		(DIRECT_BASIC + DIRECT_HYPERVISOR + DIRECT_EXTENDED)

/**
 * struct lodge_cpuid - a vCPU's table
 * @nent:  entries
 * @intel: the vendor is one whose processors answer unknown leaves with the highest basic one
 * @first: by leaf, see slot_of(): where its entries begin; @nent if there is none
 * @entry: as user space gave them; the first that matches counts
 */
struct lodge_cpuid {
	unsigned int nent;
	bool intel;
	u16 first[DIRECT_SLOTS];
	struct kvm_cpuid_entry2 entry[];
};

/* A bit of a control register and the feature that it needs. */
struct feature_bit {
	u64 bit;
	struct lodge_cpuid_bit feature;
};

static const struct feature_bit cr4_features[] = {
	{ X86_CR4_UMIP, LODGE_CPUID_UMIP },
	{ X86_CR4_LA57, LODGE_CPUID_LA57 },
	{ X86_CR4_FSGSBASE, LODGE_CPUID_FSGSBASE },
	{ X86_CR4_PCIDE, LODGE_CPUID_PCID },
	{ X86_CR4_OSXSAVE, LODGE_CPUID_XSAVE },
	{ X86_CR4_SMEP, LODGE_CPUID_SMEP },
	{ X86_CR4_SMAP, LODGE_CPUID_SMAP },
	{ X86_CR4_PKE, LODGE_CPUID_PKU },
};

static const struct feature_bit efer_features[] = {
	{ BIT_ULL(_EFER_LME) | BIT_ULL(_EFER_LMA), LODGE_CPUID_LM },
	{ BIT_ULL(_EFER_NX), LODGE_CPUID_NX },
	{ BIT_ULL(_EFER_FFXSR), LODGE_CPUID_FXSR_OPT },
	{ BIT_ULL(21), LODGE_CPUID_AUTOIBRS },
};

/* Returns DIRECT_SLOTS for a leaf that has no place. */
static unsigned int slot_of(u32 leaf)
{
	if (leaf < DIRECT_BASIC)
		return leaf;
	if (leaf - HYPERVISOR_BASE < DIRECT_HYPERVISOR)
		return DIRECT_BASIC + (leaf - HYPERVISOR_BASE);
	if (leaf - EXTENDED < DIRECT_EXTENDED)
		return DIRECT_BASIC + DIRECT_HYPERVISOR + (leaf - EXTENDED);
	return DIRECT_SLOTS;
}

static const struct kvm_cpuid_entry2 *find(const struct lodge_cpuid *cpuid, u32 leaf, u32 index)
{
	unsigned int slot = slot_of(leaf);
	unsigned int i = slot < DIRECT_SLOTS ? cpuid->first[slot] : 0;

	for (; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &cpuid->entry[i];

		if (entry->function == leaf &&
		    (entry->index == index || !(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return entry;
	}
	return NULL;
}

static void refresh_leaf1(struct lodge_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	entry->ecx &= ~BIT(27);
	if (lodge_x86_save(vcpu)->cr4 & X86_CR4_OSXSAVE)
		entry->ecx |= BIT(27);
	if (!(vcpu->arch.apic_base & MSR_IA32_APICBASE_ENABLE))
		entry->edx &= ~BIT(9);
}

static void refresh_leaf7(struct lodge_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	if (entry->index)
		return;
	entry->ecx &= ~BIT(4);
	if (lodge_x86_save(vcpu)->cr4 & X86_CR4_PKE)
		entry->ecx |= BIT(4);
}

static void refresh_xsave(struct lodge_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	if (!entry->index)
		entry->ebx = lodge_cpuid_xstate_size(vcpu->arch.xcr0, false);
	else if (entry->index == 1 && (entry->eax & BIT(1)))
		entry->ebx = lodge_cpuid_xstate_size(vcpu->arch.xcr0, true);
}

/* What follows the vCPU's state. */
static void refresh(struct lodge_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	switch (entry->function) {
	case 1:
		refresh_leaf1(vcpu, entry);
		break;
	case 7:
		refresh_leaf7(vcpu, entry);
		break;
	case 0xd:
		refresh_xsave(vcpu, entry);
		break;
	}
}

/* Leaf 0 spells its vendor in EBX, EDX, ECX. */
static bool has_vendor(const struct kvm_cpuid_entry2 *entry, const char *vendor)
{
	u32 name[3] = { entry->ebx, entry->edx, entry->ecx };

	return !memcmp(name, vendor, sizeof(name));
}

/*
 * AMD's processors answer a leaf beyond the last one of its range with zeros,
 * all others with the contents of the highest basic leaf.
 */
static const struct kvm_cpuid_entry2 *find_beyond_range(const struct lodge_cpuid *cpuid, u32 leaf, u32 index)
{
	const struct kvm_cpuid_entry2 *basic = find(cpuid, 0, 0), *range;

	if (!cpuid->intel)
		return NULL;
	if (leaf - HYPERVISOR_BASE < 0x10000)
		range = find(cpuid, leaf & ~0xffu, 0);
	else if (leaf >= CENTAUR)
		range = find(cpuid, CENTAUR, 0);
	else
		range = find(cpuid, leaf & EXTENDED, 0);
	if (range && leaf <= range->eax)
		return NULL;
	return find(cpuid, basic->eax, index);
}

/* Topology leaves name their input and the vCPU's x2APIC id even where there is no such level. */
static void absent_topology_level(const struct lodge_cpuid *cpuid, struct kvm_cpuid_entry2 *out)
{
	const struct kvm_cpuid_entry2 *level;

	if (out->function != 0xb && out->function != 0x1f)
		return;
	level = find(cpuid, out->function, 1);
	if (!level)
		return;
	out->ecx = out->index & 0xff;
	out->edx = level->edx;
}

/**
 * lodge_cpuid_guest() - what the guest's CPUID instruction returns now
 * @vcpu: the vCPU
 * @eax: in: leaf; out
 * @ebx: out
 * @ecx: in: index; out
 * @edx: out
 *
 * Context: vcpu->mutex; any, also the inner loop.
 */
void lodge_cpuid_guest(struct lodge_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	struct kvm_cpuid_entry2 out = { .function = *eax, .index = *ecx };
	const struct lodge_cpuid *cpuid = vcpu->arch.cpuid;
	const struct kvm_cpuid_entry2 *exact, *entry;

	exact = cpuid ? find(cpuid, out.function, out.index) : NULL;
	entry = cpuid && !exact ? find_beyond_range(cpuid, out.function, out.index) : exact;
	if (entry) {
		out = *entry;
		refresh(vcpu, &out);
	} else if (cpuid) {
		absent_topology_level(cpuid, &out);
	}
	trace_kvm_cpuid(*eax, *ecx, out.eax, out.ebx, out.ecx, out.edx, exact, entry != exact);
	*eax = out.eax;
	*ebx = out.ebx;
	*ecx = out.ecx;
	*edx = out.edx;
}

/**
 * lodge_cpuid_has() - does the guest's table have a feature?
 * @vcpu: the vCPU
 * @bit: the feature
 *
 * Context: vcpu->mutex; any, cheap enough for MSR and control register handlers. Return: true if so.
 */
bool lodge_cpuid_has(struct lodge_vcpu *vcpu, struct lodge_cpuid_bit bit)
{
	const struct lodge_cpuid *cpuid = vcpu->arch.cpuid;
	const struct kvm_cpuid_entry2 *entry = cpuid ? find(cpuid, bit.leaf, bit.index) : NULL;
	u32 reg;

	if (!entry)
		return false;
	switch (bit.reg) {
	case LODGE_EAX:
		reg = entry->eax;
		break;
	case LODGE_EBX:
		reg = entry->ebx;
		break;
	case LODGE_ECX:
		reg = entry->ecx;
		break;
	default:
		reg = entry->edx;
		break;
	}
	return reg & BIT(bit.bit);
}

/**
 * lodge_cpuid_maxphyaddr() - the guest's physical address bits
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex. Return: bits; 36 if the table does not say.
 */
unsigned int lodge_cpuid_maxphyaddr(struct lodge_vcpu *vcpu)
{
	const struct lodge_cpuid *cpuid = vcpu->arch.cpuid;
	const struct kvm_cpuid_entry2 *max = cpuid ? find(cpuid, EXTENDED, 0) : NULL;
	const struct kvm_cpuid_entry2 *sizes;

	if (!max || max->eax < 0x80000008)
		return MAXPHYADDR_DEFAULT;
	sizes = find(cpuid, 0x80000008, 0);
	return sizes ? sizes->eax & 0xff : MAXPHYADDR_DEFAULT;
}

/* Without a table a vCPU may use all that the host has, as on KVM before 6.14; with one, what it says. */
static u64 allowed_by(struct lodge_vcpu *vcpu, const struct feature_bit *features, unsigned int nr)
{
	u64 allowed = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (lodge_cpuid_offers(features[i].feature) &&
		    (!vcpu->arch.cpuid || lodge_cpuid_has(vcpu, features[i].feature)))
			allowed |= features[i].bit;
	return allowed;
}

static u64 xcr0_of_table(struct lodge_vcpu *vcpu)
{
	const struct lodge_cpuid *cpuid = vcpu->arch.cpuid;
	const struct kvm_cpuid_entry2 *entry = cpuid ? find(cpuid, 0xd, 0) : NULL;

	if (!cpuid)
		return ~0ull;
	return entry ? entry->eax | (u64)entry->edx << 32 : 0;
}

/* Everything that other rooms look up often. */
static void derive(struct lodge_vcpu *vcpu)
{
	unsigned int bits = min_t(unsigned int, lodge_cpuid_maxphyaddr(vcpu), MAXPHYADDR_LIMIT);

	vcpu->arch.guest_cr4_reserved =
		~(CR4_ALWAYS | allowed_by(vcpu, cr4_features, ARRAY_SIZE(cr4_features)));
	vcpu->arch.guest_efer_reserved =
		~(EFER_SCE | allowed_by(vcpu, efer_features, ARRAY_SIZE(efer_features)));
	vcpu->arch.guest_xcr0_supported = xcr0_of_table(vcpu) & lodge_cpuid_xcr0_supported();
	vcpu->arch.guest_gpa_reserved = GENMASK_ULL(63, bits);
}

/**
 * lodge_cpuid_vcpu_init() - what holds until user space gives a table
 * @vcpu: a new vCPU
 *
 * Context: nobody else knows the vCPU yet.
 */
void lodge_cpuid_vcpu_init(struct lodge_vcpu *vcpu)
{
	vcpu->arch.cpuid = NULL;
	derive(vcpu);
}

/**
 * lodge_cpuid_free() - forget the table
 * @vcpu: the vCPU; it does not run again
 *
 * Context: may sleep.
 */
void lodge_cpuid_free(struct lodge_vcpu *vcpu)
{
	kvfree(vcpu->arch.cpuid);
	vcpu->arch.cpuid = NULL;
}

static void index_leaves(struct lodge_cpuid *cpuid)
{
	unsigned int i;

	for (i = 0; i < DIRECT_SLOTS; i++)
		cpuid->first[i] = cpuid->nent;
	for (i = cpuid->nent; i-- > 0;) {
		unsigned int slot = slot_of(cpuid->entry[i].function);

		if (slot < DIRECT_SLOTS)
			cpuid->first[slot] = i;
	}
}

static int check(const struct lodge_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *sizes = find(cpuid, 0x80000008, 0), *xsave = find(cpuid, 0xd, 0);
	unsigned int linear = sizes ? (sizes->eax >> 8) & 0xff : 0;

	if (linear != 0 && linear != 48 && linear != 57)
		return -EINVAL;
	if (xsave && ((xsave->eax | (u64)xsave->edx << 32) & XCR0_NEEDS_PERMISSION))
		return -EPERM;
	return 0;
}

static struct lodge_cpuid *make_table(const struct kvm_cpuid_entry2 *entries, unsigned int nent)
{
	const struct kvm_cpuid_entry2 *vendor;
	struct lodge_cpuid *cpuid;

	cpuid = kvzalloc(struct_size(cpuid, entry, nent), GFP_KERNEL_ACCOUNT);
	if (!cpuid)
		return NULL;
	cpuid->nent = nent;
	memcpy(cpuid->entry, entries, nent * sizeof(*entries));
	index_leaves(cpuid);
	vendor = find(cpuid, 0, 0);
	cpuid->intel = vendor && !has_vendor(vendor, "AuthenticAMD") && !has_vendor(vendor, "HygonGenuine");
	return cpuid;
}

static bool same_table(struct lodge_vcpu *vcpu, const struct lodge_cpuid *new)
{
	const struct lodge_cpuid *old = vcpu->arch.cpuid;
	unsigned int i;

	if (!old || old->nent != new->nent)
		return !old && !new->nent;
	for (i = 0; i < old->nent; i++) {
		struct kvm_cpuid_entry2 a = old->entry[i], b = new->entry[i];

		refresh(vcpu, &a);
		refresh(vcpu, &b);
		if (memcmp(&a, &b, offsetof(struct kvm_cpuid_entry2, padding)))
			return false;
	}
	return true;
}

/* After the first KVM_RUN only the table that is there already is taken: nothing derived from it changes under a guest. */
static int install(struct lodge_vcpu *vcpu, const struct kvm_cpuid_entry2 *entries, unsigned int nent)
{
	struct lodge_cpuid *cpuid = make_table(entries, nent);
	int err;

	if (!cpuid)
		return -ENOMEM;

	if (vcpu->arch.ran)
		err = same_table(vcpu, cpuid) ? 0 : -EINVAL;
	else
		err = check(cpuid);
	if (err || vcpu->arch.ran) {
		kvfree(cpuid);
		return err;
	}

	swap(vcpu->arch.cpuid, cpuid);
	kvfree(cpuid);
	derive(vcpu);
	return 0;
}

static long set_table2(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_cpuid2 __user *user = argp;
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid2 head;
	long ret;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > LODGE_CPUID_MAX_ENTRIES)
		return -E2BIG;
	entries = vmemdup_user(user->entries, array_size(sizeof(*entries), head.nent));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	ret = install(vcpu, entries, head.nent);
	kvfree(entries);
	return ret;
}

/* The first form of the call has no index: each leaf is one entry. */
static struct kvm_cpuid_entry2 *widen(const struct kvm_cpuid_entry *old, unsigned int nent)
{
	struct kvm_cpuid_entry2 *entries = kvcalloc(max(nent, 1u), sizeof(*entries), GFP_KERNEL);
	unsigned int i;

	for (i = 0; entries && i < nent; i++) {
		entries[i].function = old[i].function;
		entries[i].eax = old[i].eax;
		entries[i].ebx = old[i].ebx;
		entries[i].ecx = old[i].ecx;
		entries[i].edx = old[i].edx;
	}
	return entries;
}

static long set_table(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_cpuid __user *user = argp;
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid_entry *old;
	struct kvm_cpuid head;
	long ret = -ENOMEM;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > LODGE_CPUID_MAX_ENTRIES)
		return -E2BIG;
	old = vmemdup_user(user->entries, array_size(sizeof(*old), head.nent));
	if (IS_ERR(old))
		return PTR_ERR(old);
	entries = widen(old, head.nent);
	if (entries)
		ret = install(vcpu, entries, head.nent);
	kvfree(entries);
	kvfree(old);
	return ret;
}

static long get_table2(struct lodge_vcpu *vcpu, void __user *argp)
{
	const struct lodge_cpuid *cpuid = vcpu->arch.cpuid;
	unsigned int i, nent = cpuid ? cpuid->nent : 0;
	struct kvm_cpuid2 __user *user = argp;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent < nent)
		return -E2BIG;
	for (i = 0; i < nent; i++) {
		struct kvm_cpuid_entry2 entry = cpuid->entry[i];

		refresh(vcpu, &entry);
		if (copy_to_user(&user->entries[i], &entry, sizeof(entry)))
			return -EFAULT;
	}
	head.nent = nent;
	return copy_to_user(user, &head, sizeof(head)) ? -EFAULT : 0;
}

/**
 * lodge_cpuid_ioctl() - KVM_SET_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2
 * @vcpu:  the vCPU
 * @ioctl: number
 * @argp:  its argument
 *
 * Context: vcpu->mutex; may sleep.
 * Return: 0, or with nothing changed: -E2BIG (more than 256 entries; no room for all), -EFAULT, -ENOMEM, -EINVAL (linear
 * address bits that no processor has; another table after KVM_RUN; another number), -EPERM (a state component that needs
 * a permission).
 */
long lodge_cpuid_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp)
{
	switch (ioctl) {
	case KVM_SET_CPUID:
		return set_table(vcpu, argp);
	case KVM_SET_CPUID2:
		return set_table2(vcpu, argp);
	case KVM_GET_CPUID2:
		return get_table2(vcpu, argp);
	default:
		return -EINVAL;
	}
}
