/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory slots: which guest physical ranges are backed, and by what.
 *
 * A VM has LODGE_MAX_AS address spaces. Each has an array of slots that is
 * never changed in place: a change builds a new array, publishes it, and waits
 * for SRCU readers before the old one is freed. A slot itself is shared by
 * consecutive arrays until it is replaced.
 */
#ifndef LODGE_MEMSLOT_H
#define LODGE_MEMSLOT_H

#include <linux/lodge.h>
#include "arch_types.h"
#include "types.h"

struct lodge_vm;

/* Slot ids 0 .. LODGE_USER_MEM_SLOTS-1 in every address space. */
#define LODGE_USER_MEM_SLOTS	32764
/* Pages a slot may have: a dirty bitmap index must fit an int. */
#define LODGE_MEM_MAX_NR_PAGES	((1UL << 31) - 1)

/**
 * struct lodge_memslot - one range of guest memory
 *
 * Immutable once published, but for @dirty_bitmap's bits and @arch.
 */
struct lodge_memslot {
	gfn_t base_gfn;
	unsigned long npages;
	hva_t userspace_addr;		/* page aligned */
	u32 flags;			/* KVM_MEM_* */
	u16 id;
	u8 as_id;
	unsigned long *dirty_bitmap;	/* NULL unless logging; set_bit only */
	struct lodge_memslot_arch arch;
};

/**
 * struct lodge_memslots - one address space's slots, an immutable snapshot
 */
struct lodge_memslots {
	u64 generation;			/* 63 bits; bit 63: update in progress */
	unsigned int nr;
	/* by base_gfn ascending; binary search */
	struct lodge_memslot *by_gfn[];
};

static inline bool lodge_memslot_holds(const struct lodge_memslot *slot, gfn_t gfn)
{
	return gfn - slot->base_gfn < slot->npages;
}

static inline hva_t lodge_memslot_hva(const struct lodge_memslot *slot, gfn_t gfn)
{
	return slot->userspace_addr + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

int lodge_memslot_vm_init(struct lodge_vm *vm);
void lodge_memslot_vm_destroy(struct lodge_vm *vm);

/* KVM_SET_USER_MEMORY_REGION(2); takes the slots lock. */
int lodge_memslot_set_region(struct lodge_vm *vm, const struct kvm_userspace_memory_region2 *mem);

/* Both need the VM's SRCU or the slots lock. */
struct lodge_memslots *lodge_memslots(struct lodge_vm *vm, unsigned int as_id);
struct lodge_memslot *lodge_memslot_find(struct lodge_memslots *slots, gfn_t gfn);
struct lodge_memslot *lodge_memslot_by_id(struct lodge_memslots *slots, u16 id);

#endif
