// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty logging by bitmap.
 *
 * A page of a logging slot is writable in stage 2 only if its bit is set, or
 * about to be set by who made it writable. Who makes it writable sets the bit
 * after; who harvests clears the bit first and then write-protects. So a page
 * is never left writable with its bit clear. One that is harvested in between
 * is reported once more than needed.
 */
#include <linux/bitops.h>
#include <linux/byteorder/generic.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "arch_mmu.h"
#include "dirty_log.h"
#include "memslot.h"
#include "tree.h"
#include "vm.h"

/* The ABI's bitmap is little endian; masks are numbers. */
static unsigned long mask_of(unsigned long word)
{
	static_assert(sizeof(word) == sizeof(__le64));
	return le64_to_cpu((__force __le64)word);
}

/**
 * lodge_dirty_log_mark() - a page was, or may now be, written
 * @vm: the VM
 * @slot: slot that holds it
 * @gfn: the page
 *
 * Who makes the page writable calls this after, under the same hold of
 * mmu_lock; who writes it through the VMM's mapping calls it after writing.
 * Context: any, under the VM's SRCU.
 */
void lodge_dirty_log_mark(struct lodge_vm *vm, struct lodge_memslot *slot, gfn_t gfn)
{
	unsigned long bit = gfn - slot->base_gfn;

	/* Most marks are of pages that have theirs: leave the cache line shared. */
	if (slot->dirty_bitmap && !test_bit_le(bit, slot->dirty_bitmap)) {
		smp_mb__before_atomic();	/* what was written, before its mark */
		set_bit_le(bit, slot->dirty_bitmap);
	}
}

/* Take the marks of one word and protect their pages again. */
static bool harvest_word(struct lodge_vm *vm, struct lodge_memslot *slot, unsigned long i, unsigned long *snapshot)
{
	gpa_t gpa = lodge_tree_slot_start(slot) + ((gpa_t)i * BITS_PER_LONG << PAGE_SHIFT);

	*snapshot = 0;
	if (!READ_ONCE(slot->dirty_bitmap[i]))
		return false;
	*snapshot = xchg(&slot->dirty_bitmap[i], 0);
	return lodge_stage2_wrprotect_mask(&vm->as[slot->as_id].stage2, gpa, mask_of(*snapshot));
}

/*
 * The lock may be let go between words with a flush pending: only permissions
 * were taken, no table was detached, and who else takes mappings away flushes
 * for himself.
 */
static void harvest(struct lodge_vm *vm, struct lodge_memslot *slot, unsigned long *snapshot)
{
	unsigned long i, words = lodge_memslot_dirty_words(slot);
	bool flush = false;

	read_lock(&vm->mmu_lock);
	for (i = 0; i < words; i++) {
		flush |= harvest_word(vm, slot, i, &snapshot[i]);
		cond_resched_rwlock_read(&vm->mmu_lock);
	}
	if (flush)
		lodge_arch_mmu_flush(vm);
	read_unlock(&vm->mmu_lock);
}

static int get_locked(struct lodge_vm *vm, struct lodge_memslot *slot, void __user *to)
{
	unsigned long words = lodge_memslot_dirty_words(slot);
	unsigned long *snapshot = slot->dirty_bitmap + words;

	lockdep_assert_held(&vm->slots_lock);

	harvest(vm, slot, snapshot);
	return copy_to_user(to, snapshot, words * sizeof(long)) ? -EFAULT : 0;
}

/**
 * lodge_dirty_log_get() - KVM_GET_DIRTY_LOG
 * @vm: the VM
 * @log: the ioctl's argument
 *
 * Gives the marks since the last call, as whole longs, and starts anew. Context:
 * may sleep; takes the slots lock.
 * Return: 0; -EINVAL (slot number), -ENOENT (no such slot, or it does not log),
 * -EFAULT (marks are lost).
 */
int lodge_dirty_log_get(struct lodge_vm *vm, const struct kvm_dirty_log *log)
{
	unsigned int as_id = log->slot >> 16;
	u16 id = log->slot;
	struct lodge_memslot *slot;
	int err = -ENOENT;

	if (as_id >= LODGE_USER_AS || id >= LODGE_USER_MEM_SLOTS)
		return -EINVAL;

	mutex_lock(&vm->slots_lock);
	slot = lodge_memslot_by_id(lodge_memslots(vm, as_id), id);
	if (slot && slot->dirty_bitmap)
		err = get_locked(vm, slot, log->dirty_bitmap);
	mutex_unlock(&vm->slots_lock);
	return err;
}

/**
 * lodge_dirty_log_start() - a live slot begins to log
 * @vm: the VM
 * @slot: the slot, published with its bitmap; no fault uses the old one any more
 *
 * Large pages stay until they are written. Context: may sleep; slots lock held.
 */
void lodge_dirty_log_start(struct lodge_vm *vm, struct lodge_memslot *slot)
{
	struct lodge_stage2 *s2 = &vm->as[slot->as_id].stage2;

	lockdep_assert_held(&vm->slots_lock);

	read_lock(&vm->mmu_lock);
	if (lodge_stage2_wrprotect(s2, lodge_tree_slot_start(slot), lodge_tree_slot_end(slot), 0, true))
		lodge_arch_mmu_flush(vm);
	read_unlock(&vm->mmu_lock);
}

/**
 * lodge_dirty_log_stop() - a live slot does not log any more
 * @vm: the VM
 * @slot: the slot, published without bitmap
 *
 * Small pages go where a large one might come. Context: may sleep; slots lock held.
 */
void lodge_dirty_log_stop(struct lodge_vm *vm, struct lodge_memslot *slot)
{
	struct lodge_stage2 *s2 = &vm->as[slot->as_id].stage2;

	lockdep_assert_held(&vm->slots_lock);

	write_lock(&vm->mmu_lock);
	if (lodge_stage2_collapse(s2, lodge_tree_slot_start(slot), lodge_tree_slot_end(slot), true))
		lodge_arch_mmu_flush(vm);
	write_unlock(&vm->mmu_lock);
}
