// SPDX-License-Identifier: GPL-2.0
/*
 * The VM's stage-2 trees.
 *
 * Host pages are marked dirty when they are mapped writable, while the fault
 * still holds a reference (fault.c). So there is nothing to pass on when a leaf
 * goes, and no struct page is touched that may have lost its owner.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "arch_mmu.h"
#include "stage2_mem.h"
#include "tree.h"
#include "vm.h"

static void flush_range(void *ctx, gpa_t start, gpa_t end)
{
	lodge_arch_mmu_flush(ctx);
}

static void assert_locked(void *ctx, bool exclusive)
{
	struct lodge_vm *vm = ctx;

	if (exclusive)
		lockdep_assert_held_write(&vm->mmu_lock);
	else
		lockdep_assert_held(&vm->mmu_lock);
}

static bool should_yield(void *ctx)
{
	struct lodge_vm *vm = ctx;

	return need_resched() || rwlock_needbreak(&vm->mmu_lock);
}

static void yield_lock(void *ctx, bool exclusive)
{
	struct lodge_vm *vm = ctx;

	if (exclusive)
		cond_resched_rwlock_write(&vm->mmu_lock);
	else
		cond_resched_rwlock_read(&vm->mmu_lock);
}

const struct lodge_stage2_ops lodge_tree_ops = {
	.alloc_table = lodge_stage2_mem_alloc,
	.free_table = lodge_stage2_mem_free,
	.flush_range = flush_range,
	.assert_locked = assert_locked,
	.should_yield = should_yield,
	.yield = yield_lock,
};

/**
 * lodge_tree_vm_init() - an empty tree for each address space
 * @vm: a new VM
 *
 * Context: may sleep. Pair: lodge_tree_vm_destroy(). Return: 0 or -ENOMEM.
 */
int lodge_tree_vm_init(struct lodge_vm *vm)
{
	unsigned int i;
	int err;

	for (i = 0; i < LODGE_MAX_AS; i++) {
		err = lodge_stage2_init(&vm->as[i].stage2, lodge_arch_mmu_format(), &lodge_tree_ops, vm,
					GFP_KERNEL_ACCOUNT);
		if (err) {
			lodge_tree_vm_destroy(vm);
			return err;
		}
	}
	return 0;
}

/**
 * lodge_tree_vm_destroy() - free the trees
 * @vm: a VM without vCPUs and notifier; trees that were never made are fine
 *
 * Context: may sleep.
 */
void lodge_tree_vm_destroy(struct lodge_vm *vm)
{
	unsigned int i;

	for (i = 0; i < LODGE_MAX_AS; i++)
		lodge_stage2_destroy(&vm->as[i].stage2);
}

/**
 * lodge_tree_cache_init() - a stock of tables that fits the VMs' trees
 * @cache: to set up, empty
 *
 * Context: any. Pair: lodge_stage2_cache_destroy(). Return: 0 or -EINVAL.
 */
int lodge_tree_cache_init(struct lodge_stage2_cache *cache)
{
	return lodge_stage2_cache_init(cache, lodge_arch_mmu_format(), &lodge_tree_ops);
}

static void zap(struct lodge_vm *vm, unsigned int as_id, gpa_t start, gpa_t end)
{
	lockdep_assert_held_write(&vm->mmu_lock);

	if (lodge_stage2_unmap(&vm->as[as_id].stage2, start, end, true))
		lodge_arch_mmu_flush(vm);
}

/**
 * lodge_tree_zap_slot() - forget all that a slot maps
 * @vm: the VM
 * @slot: marked invalid, and seen as such by every fault
 *
 * Context: may sleep; slots lock held.
 */
void lodge_tree_zap_slot(struct lodge_vm *vm, const struct lodge_memslot *slot)
{
	lockdep_assert_held(&vm->slots_lock);

	write_lock(&vm->mmu_lock);
	zap(vm, slot->as_id, lodge_tree_slot_start(slot), lodge_tree_slot_end(slot));
	write_unlock(&vm->mmu_lock);
}

/**
 * lodge_tree_zap_all() - empty all trees
 * @vm: the VM
 *
 * Context: may sleep.
 */
void lodge_tree_zap_all(struct lodge_vm *vm)
{
	unsigned int i;

	write_lock(&vm->mmu_lock);
	for (i = 0; i < LODGE_MAX_AS; i++)
		zap(vm, i, 0, lodge_stage2_limit(vm->as[i].stage2.fmt));
	write_unlock(&vm->mmu_lock);
}
