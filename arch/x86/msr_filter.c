// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_X86_SET_MSR_FILTER.
 *
 * Readers are in RCU sections that do not sleep, the inner loop among them.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "msr.h"
#include "msr_filter.h"
#include "vm.h"

/* Bytes of one range's bitmap, as in KVM. */
#define BITMAP_MAX	0x600

#define X2APIC_FIRST	0x800u
#define X2APIC_LAST	0x8ffu

/**
 * struct lodge_msr_filter - what user space said
 * @default_allow: for MSRs in no range
 * @nr:            ranges in use
 * @range:         a set bit allows; the first range that covers MSR and kind of access counts
 */
struct lodge_msr_filter {
	bool default_allow;
	unsigned int nr;
	struct filter_range {
		u32 flags;
		u32 base;
		u32 nmsrs;
		unsigned long *bitmap;
	} range[KVM_MSR_FILTER_MAX_RANGES];
};

static bool range_covers(const struct filter_range *range, u32 index, u32 kind)
{
	return (range->flags & kind) && index >= range->base && index - range->base < range->nmsrs;
}

static bool allows(const struct lodge_msr_filter *filter, u32 index, bool write)
{
	u32 kind = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	unsigned int i;

	for (i = 0; i < filter->nr; i++)
		if (range_covers(&filter->range[i], index, kind))
			return test_bit(index - filter->range[i].base, filter->range[i].bitmap);
	return filter->default_allow;
}

/**
 * lodge_msr_filter_allows() - may guests of this VM have an MSR without user space being asked?
 * @vm:    the VM
 * @index: MSR
 * @write: kind of access
 *
 * The x2APIC's registers are not filtered. Context: any. Return: true if so.
 */
bool lodge_msr_filter_allows(struct lodge_vm *vm, u32 index, bool write)
{
	const struct lodge_msr_filter *filter;
	bool ret;

	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;
	rcu_read_lock();
	filter = rcu_dereference(vm->arch.msr_filter);
	ret = !filter || allows(filter, index, write);
	rcu_read_unlock();
	return ret;
}

static void free_filter(struct lodge_msr_filter *filter)
{
	unsigned int i;

	if (!filter)
		return;
	for (i = 0; i < filter->nr; i++)
		kfree(filter->range[i].bitmap);
	kfree(filter);
}

static int copy_range(struct lodge_msr_filter *filter, const struct kvm_msr_filter_range *user)
{
	struct filter_range *range = &filter->range[filter->nr];
	size_t bytes = BITS_TO_LONGS((size_t)user->nmsrs) * sizeof(long);

	if (!user->nmsrs)
		return 0;
	if (!user->flags || (user->flags & ~(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)) || bytes > BITMAP_MAX)
		return -EINVAL;

	range->bitmap = memdup_user((__force void __user *)user->bitmap, bytes);
	if (IS_ERR(range->bitmap))
		return PTR_ERR(range->bitmap);
	range->flags = user->flags;
	range->base = user->base;
	range->nmsrs = user->nmsrs;
	filter->nr++;
	return 0;
}

static struct lodge_msr_filter *make_filter(const struct kvm_msr_filter *user)
{
	struct lodge_msr_filter *filter;
	unsigned int i;
	int err = 0;

	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return ERR_PTR(-EINVAL);
	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->default_allow = !(user->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < ARRAY_SIZE(user->ranges) && !err; i++)
		err = copy_range(filter, &user->ranges[i]);
	/* Deny everything is most likely a mistake, and is refused. */
	if (!err && !filter->nr && !filter->default_allow)
		err = -EINVAL;
	if (err) {
		free_filter(filter);
		return ERR_PTR(err);
	}
	return filter;
}

static int read_compat(struct kvm_msr_filter *filter, const void __user *argp)
{
	struct lodge_msr_filter_compat compat;
	unsigned int i;

	if (copy_from_user(&compat, argp, sizeof(compat)))
		return -EFAULT;
	filter->flags = compat.flags;
	for (i = 0; i < ARRAY_SIZE(compat.ranges); i++) {
		filter->ranges[i].flags = compat.ranges[i].flags;
		filter->ranges[i].nmsrs = compat.ranges[i].nmsrs;
		filter->ranges[i].base = compat.ranges[i].base;
		filter->ranges[i].bitmap = (u8 *)(unsigned long)compat.ranges[i].bitmap;
	}
	return 0;
}

/**
 * lodge_msr_filter_set() - KVM_X86_SET_MSR_FILTER
 * @vm:     the VM
 * @argp:   struct kvm_msr_filter of the caller
 * @compat: it is a 32-bit process's
 *
 * Accesses that begin after the call are filtered by the new one.
 * Context: may sleep. Return: 0; -EFAULT; -ENOMEM; -EINVAL (unknown flag, range without a kind, too long a range,
 * nothing allowed at all).
 */
long lodge_msr_filter_set(struct lodge_vm *vm, void __user *argp, bool compat)
{
	struct lodge_msr_filter *filter, *old;
	struct kvm_msr_filter user = {};

	if (compat ? read_compat(&user, argp) : copy_from_user(&user, argp, sizeof(user)) != 0)
		return -EFAULT;
	filter = make_filter(&user);
	if (IS_ERR(filter))
		return PTR_ERR(filter);

	mutex_lock(&vm->lock);
	old = rcu_replace_pointer(vm->arch.msr_filter, filter, lockdep_is_held(&vm->lock));
	lodge_msr_passthrough_filter(vm);
	mutex_unlock(&vm->lock);
	synchronize_rcu();
	free_filter(old);
	return 0;
}

/**
 * lodge_msr_filter_free() - forget the filter
 * @vm: the VM; no vCPU is left
 *
 * Context: any.
 */
void lodge_msr_filter_free(struct lodge_vm *vm)
{
	free_filter(rcu_dereference_protected(vm->arch.msr_filter, true));
	RCU_INIT_POINTER(vm->arch.msr_filter, NULL);
}
