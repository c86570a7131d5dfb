// SPDX-License-Identifier: GPL-2.0
/*
 * Which MSRs there are, feature MSRs, and the protocol of KVM_GET/SET_MSRS.
 *
 * A client saves what is listed, so everything in the list can be read, and
 * what was read can be written back.
 */
#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>

#include "compat.h"
#include "msr.h"

/* Entries of one call, as in KVM: fewer than this. */
#define MAX_ENTRIES	256

static const u32 always[] = {
	MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP,
	MSR_STAR,
	MSR_CSTAR,
	MSR_KERNEL_GS_BASE,
	MSR_SYSCALL_MASK,
	MSR_LSTAR,
	MSR_IA32_TSC,
	MSR_IA32_TSC_ADJUST,
	MSR_IA32_CR_PAT,
	MSR_IA32_MISC_ENABLE,
	MSR_IA32_MCG_STATUS,
	MSR_IA32_MCG_CTL,
	MSR_IA32_UCODE_REV,
	MSR_K7_HWCR,
};

static const u32 features[] = {
	MSR_AMD64_DE_CFG,
	MSR_IA32_UCODE_REV,
};

static u32 list[ARRAY_SIZE(always) + 2] __ro_after_init;
static unsigned int nr_listed __ro_after_init;

/**
 * lodge_msr_list_init() - set up the list
 * @tsc_aux:   this host offers TSC_AUX
 * @spec_ctrl: this host offers SPEC_CTRL
 *
 * Context: module init.
 */
void lodge_msr_list_init(bool tsc_aux, bool spec_ctrl)
{
	for (nr_listed = 0; nr_listed < ARRAY_SIZE(always); nr_listed++)
		list[nr_listed] = always[nr_listed];
	if (tsc_aux)
		list[nr_listed++] = MSR_TSC_AUX;
	if (spec_ctrl)
		list[nr_listed++] = MSR_IA32_SPEC_CTRL;
}

static long give_list(struct kvm_msr_list __user *user, const u32 *indices, unsigned int nr)
{
	struct kvm_msr_list head;
	unsigned int room;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	room = head.nmsrs;
	head.nmsrs = nr;
	if (copy_to_user(user, &head, sizeof(head)))
		return -EFAULT;
	if (room < nr)
		return -E2BIG;
	return copy_to_user(user->indices, indices, nr * sizeof(*indices)) ? -EFAULT : 0;
}

/**
 * lodge_msr_list_get_feature() - what a feature MSR can be on this host
 * @index: MSR
 * @data:  out
 *
 * Context: any. Return: 0, or LODGE_MSR_UNKNOWN if it is not a feature MSR.
 */
int lodge_msr_list_get_feature(u32 index, u64 *data)
{
	switch (index) {
	case MSR_AMD64_DE_CFG:
		*data = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? MSR_AMD64_DE_CFG_LFENCE_SERIALIZE : 0;
		return 0;
	case MSR_IA32_UCODE_REV:
		*data = 0;
		rdmsrq_safe(MSR_IA32_UCODE_REV, data);
		return 0;
	default:
		return LODGE_MSR_UNKNOWN;
	}
}

static long access_all(struct kvm_msr_entry *entries, unsigned int nr,
		       int (*access)(void *arg, u32 index, u64 *data), void *arg)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u64 data = entries[i].data;

		if (access(arg, entries[i].index, &data))
			break;
		entries[i].data = data;
	}
	return i;
}

/**
 * lodge_msr_list_access() - KVM_GET_MSRS, KVM_SET_MSRS
 * @argp:       struct kvm_msrs of the caller
 * @access:     called for one entry after the other until it returns other than 0
 * @arg:        its first argument
 * @write_back: the caller gets the entries back
 *
 * Context: may sleep. Return: how many entries were done; -EFAULT; -E2BIG; -ENOMEM.
 */
long lodge_msr_list_access(void __user *argp, int (*access)(void *arg, u32 index, u64 *data), void *arg,
			   bool write_back)
{
	struct kvm_msrs __user *user = argp;
	struct kvm_msr_entry *entries;
	struct kvm_msrs head;
	size_t bytes;
	long ret;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_ENTRIES)
		return -E2BIG;
	bytes = array_size(sizeof(*entries), head.nmsrs);
	entries = memdup_user(user->entries, bytes);
	if (IS_ERR(entries))
		return PTR_ERR(entries);

	ret = access_all(entries, head.nmsrs, access, arg);
	if (write_back && copy_to_user(user->entries, entries, bytes))
		ret = -EFAULT;
	kfree(entries);
	return ret;
}

static int get_feature(void *unused, u32 index, u64 *data)
{
	return lodge_msr_list_get_feature(index, data);
}

/**
 * lodge_msr_list_ioctl() - the system file's MSR calls
 * @ioctl: KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST or KVM_GET_MSRS
 * @argp:  its argument
 *
 * Context: may sleep. Return: 0 or how many were read; -E2BIG, with the length written, if a list has no room;
 * -EFAULT; -EINVAL for another number.
 */
long lodge_msr_list_ioctl(unsigned int ioctl, void __user *argp)
{
	switch (ioctl) {
	case KVM_GET_MSR_INDEX_LIST:
		return give_list(argp, list, nr_listed);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return give_list(argp, features, ARRAY_SIZE(features));
	case KVM_GET_MSRS:
		return lodge_msr_list_access(argp, get_feature, NULL, true);
	default:
		return -EINVAL;
	}
}
