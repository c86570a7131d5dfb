/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VM's stage-2 trees: what stage2 needs from the VM, one tree per address
 * space, all under vm->mmu_lock.
 */
#ifndef LODGE_TREE_H
#define LODGE_TREE_H

#include "memslot.h"
#include "stage2.h"
#include "types.h"

struct lodge_vm;

extern const struct lodge_stage2_ops lodge_tree_ops;

int lodge_tree_vm_init(struct lodge_vm *vm);
void lodge_tree_vm_destroy(struct lodge_vm *vm);

/* A vCPU's stock of tables. Pair: lodge_stage2_cache_destroy(). 0 or -EINVAL (format). */
int lodge_tree_cache_init(struct lodge_stage2_cache *cache);

void lodge_tree_zap_slot(struct lodge_vm *vm, const struct lodge_memslot *slot);
void lodge_tree_zap_all(struct lodge_vm *vm);

static inline gpa_t lodge_tree_slot_start(const struct lodge_memslot *slot)
{
	return slot->base_gfn << PAGE_SHIFT;
}

static inline gpa_t lodge_tree_slot_end(const struct lodge_memslot *slot)
{
	return (slot->base_gfn + slot->npages) << PAGE_SHIFT;
}

#endif
