// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: the host changes its mappings, stage 2 follows.
 *
 * No callback takes the VM's, a vCPU's or the slots mutex: they run under the
 * host's mmap, rmap and page-table locks, and inside memory reclaim. Slots are
 * read under SRCU.
 *
 * An invalidation counts twice. mn_inflight, from its very start to its very
 * end, holds back swaps of the slots arrays, so that both ends see the same
 * slots. mn_active and its range, only if a slot is concerned, hold back faults.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/srcu.h>

#include "arch_mmu.h"
#include "compat.h"
#include "memslot.h"
#include "notifier.h"
#include "tree.h"
#include "vm.h"

static struct lodge_vm *vm_of(struct mmu_notifier *mn)
{
	return container_of(mn, struct lodge_vm, mn);
}

/**
 * struct span - the part of a slot that a host range concerns
 * @start: guest address, bytes
 * @end: its end
 */
struct span {
	gpa_t start;
	gpa_t end;
};

/* Host pages that the range covers in part count. */
static struct span span_of(const struct lodge_memslot *slot, hva_t start, hva_t end)
{
	hva_t from = max(start & PAGE_MASK, slot->userspace_addr);
	hva_t to = min(PAGE_ALIGN(end), lodge_memslot_hva_end(slot));
	gpa_t base = lodge_tree_slot_start(slot);

	return (struct span) {
		.start = base + (from - slot->userspace_addr),
		.end = base + (to - slot->userspace_addr),
	};
}

/* What is done with each (tree, span) of a host range; true: flush, or young. */
typedef bool (*span_fn)(struct lodge_stage2 *s2, struct span span, bool may_yield);

static bool for_each_span(struct lodge_vm *vm, unsigned int as_id, hva_t start, hva_t end, span_fn fn, bool may_yield)
{
	struct lodge_memslots *slots = lodge_memslots(vm, as_id);
	unsigned int i = lodge_slot_array_upper(slots, end);
	struct lodge_memslot *slot;
	bool any = false;

	while ((slot = lodge_slot_array_prev(slots, &i, start)))
		any |= fn(&vm->as[as_id].stage2, span_of(slot, start, end), may_yield);
	return any;
}

static bool for_each_tree(struct lodge_vm *vm, hva_t start, hva_t end, span_fn fn, bool may_yield)
{
	unsigned int i;
	bool any = false;

	for (i = 0; i < LODGE_MAX_AS; i++)
		any |= for_each_span(vm, i, start, end, fn, may_yield);
	return any;
}

/* Most of a process's invalidations are not of guest memory: these must not touch the stage-2 lock. */
static bool any_slot(struct lodge_vm *vm, hva_t start, hva_t end)
{
	struct lodge_memslots *slots;
	unsigned int i, at;

	for (i = 0; i < LODGE_MAX_AS; i++) {
		slots = lodge_memslots(vm, i);
		at = lodge_slot_array_upper(slots, end);
		if (lodge_slot_array_prev(slots, &at, start))
			return true;
	}
	return false;
}

static bool unmap_span(struct lodge_stage2 *s2, struct span span, bool may_yield)
{
	return lodge_stage2_unmap(s2, span.start, span.end, may_yield);
}

static bool age_span(struct lodge_stage2 *s2, struct span span, bool may_yield)
{
	return lodge_stage2_age(s2, span.start, span.end);
}

static bool test_span(struct lodge_stage2 *s2, struct span span, bool may_yield)
{
	return lodge_stage2_test_young(s2, span.start, span.end);
}

/* Faults in the range wait from now on. The range only grows until nothing is in flight. */
static void activate(struct lodge_vm *vm, hva_t start, hva_t end)
{
	lockdep_assert_held_write(&vm->mmu_lock);

	if (!vm->mn_active++) {
		vm->mn_start = start;
		vm->mn_end = end;
	} else {
		vm->mn_start = min(vm->mn_start, start);
		vm->mn_end = max(vm->mn_end, end);
	}
}

static void deactivate(struct lodge_vm *vm)
{
	lockdep_assert_held_write(&vm->mmu_lock);

	/* What a fault read before now is stale. Pairs with lodge_notifier_seq(). */
	WRITE_ONCE(vm->mn_seq, vm->mn_seq + 1);
	if (WARN_ON_ONCE(!vm->mn_active))
		return;
	vm->mn_active--;
}

static void inflight_begin(struct lodge_vm *vm)
{
	spin_lock(&vm->mn_lock);
	vm->mn_inflight++;
	spin_unlock(&vm->mn_lock);
}

static void inflight_end(struct lodge_vm *vm)
{
	bool last;

	spin_lock(&vm->mn_lock);
	last = !--vm->mn_inflight;
	spin_unlock(&vm->mn_lock);

	/* There is one swapper at most: it holds the slots lock. */
	if (last)
		rcuwait_wake_up(&vm->mn_wait);
}

static int invalidate_range_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct lodge_vm *vm = vm_of(mn);
	int idx;

	inflight_begin(vm);
	idx = srcu_read_lock(&vm->srcu);
	if (any_slot(vm, range->start, range->end)) {
		write_lock(&vm->mmu_lock);
		activate(vm, range->start, range->end);
		if (for_each_tree(vm, range->start, range->end, unmap_span, mmu_notifier_range_blockable(range)))
			lodge_arch_mmu_flush(vm);
		write_unlock(&vm->mmu_lock);
	}
	srcu_read_unlock(&vm->srcu, idx);
	return 0;
}

static void invalidate_range_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct lodge_vm *vm = vm_of(mn);
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	if (any_slot(vm, range->start, range->end)) {
		write_lock(&vm->mmu_lock);
		deactivate(vm);
		write_unlock(&vm->mmu_lock);
	}
	srcu_read_unlock(&vm->srcu, idx);
	inflight_end(vm);
}

static bool young(struct mmu_notifier *mn, hva_t start, hva_t end, span_fn fn, bool flush)
{
	struct lodge_vm *vm = vm_of(mn);
	bool found = false;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	if (any_slot(vm, start, end)) {
		read_lock(&vm->mmu_lock);
		found = for_each_tree(vm, start, end, fn, false);
		if (found && flush)
			lodge_arch_mmu_flush(vm);
		read_unlock(&vm->mmu_lock);
	}
	srcu_read_unlock(&vm->srcu, idx);
	return found;
}

static lodge_age_t clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start,
				     unsigned long end)
{
	return young(mn, start, end, age_span, true);
}

/* Without a flush the next look may miss an access; that costs precision only. */
static lodge_age_t clear_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start, unsigned long end)
{
	return young(mn, start, end, age_span, false);
}

static lodge_age_t test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	return young(mn, address, address + 1, test_span, false);
}

/* The VMM's memory goes: no thread of it is left to fault anything in again. */
static void release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	lodge_tree_zap_all(vm_of(mn));
}

static const struct mmu_notifier_ops ops = {
	.release = release,
	.clear_flush_young = clear_flush_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.invalidate_range_start = invalidate_range_start,
	.invalidate_range_end = invalidate_range_end,
};

/**
 * lodge_notifier_register() - hear about changes of the VMM's memory
 * @vm: a VM whose slots and trees are set up; vm->mm is the caller's
 *
 * Context: may sleep, takes the mmap lock. Pair: lodge_notifier_unregister().
 * Return: 0, -ENOMEM, -EINTR.
 */
int lodge_notifier_register(struct lodge_vm *vm)
{
	vm->mn.ops = &ops;
	return mmu_notifier_register(&vm->mn, vm->mm);
}

/**
 * lodge_notifier_unregister() - stop hearing
 * @vm: the VM
 *
 * Context: may sleep. No callback runs after it; the trees are empty.
 */
void lodge_notifier_unregister(struct lodge_vm *vm)
{
	mmu_notifier_unregister(&vm->mn, vm->mm);
	/*
	 * An invalidation that began while we were registered and ends after that
	 * never calls its end. Nothing waits for it: a swap needs a file of the VM.
	 */
	WARN_ON_ONCE(rcuwait_active(&vm->mn_wait));
}

/**
 * lodge_notifier_seq() - the state of the host's mappings, before one is read
 * @vm: the VM
 *
 * Context: any. Return: to be given to lodge_notifier_retry().
 */
unsigned long lodge_notifier_seq(struct lodge_vm *vm)
{
	unsigned long seq = READ_ONCE(vm->mn_seq);

	smp_rmb();	/* mappings are read after; pairs with the stage-2 lock around deactivate() */
	return seq;
}

/**
 * lodge_notifier_retry() - may a mapping be out of date by now?
 * @vm: the VM
 * @seq: from lodge_notifier_seq(), taken before the mapping was read
 * @hva: address it is of
 *
 * Of a large host page any address will do: the host never changes less than
 * all of it. Context: mmu_lock held, either side, and kept until what was read
 * is installed.
 */
bool lodge_notifier_retry(struct lodge_vm *vm, unsigned long seq, hva_t hva)
{
	lockdep_assert_held(&vm->mmu_lock);

	if (vm->mn_active && hva >= vm->mn_start && hva < vm->mn_end)
		return true;
	return vm->mn_seq != seq;
}

/**
 * lodge_notifier_swap_begin() - wait for a moment without invalidations
 * @vm: the VM
 *
 * Until lodge_notifier_swap_end() none begins. Context: may sleep; slots lock
 * held; returns with mn_lock held.
 */
void lodge_notifier_swap_begin(struct lodge_vm *vm)
	__acquires(&vm->mn_lock)
{
	lockdep_assert_held(&vm->slots_lock);

	spin_lock(&vm->mn_lock);
	prepare_to_rcuwait(&vm->mn_wait);
	while (vm->mn_inflight) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		spin_unlock(&vm->mn_lock);
		schedule();
		spin_lock(&vm->mn_lock);
	}
	finish_rcuwait(&vm->mn_wait);
}

/**
 * lodge_notifier_swap_end() - the new array is published
 * @vm: the VM
 *
 * Context: after lodge_notifier_swap_begin(); drops mn_lock.
 */
void lodge_notifier_swap_end(struct lodge_vm *vm)
	__releases(&vm->mn_lock)
{
	lockdep_assert_held(&vm->mn_lock);
	spin_unlock(&vm->mn_lock);
}
