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
#include "slot_array.h"
#include "types.h"

struct lodge_vm;

/* Address spaces that user space may name, of LODGE_MAX_AS: KVM_CAP_MULTI_ADDRESS_SPACE is not offered yet. */
#define LODGE_USER_AS		1
/* Slot ids 0 .. LODGE_USER_MEM_SLOTS-1 in every address space. */
#define LODGE_USER_MEM_SLOTS	32764
/* Pages a slot may have: a dirty bitmap index must fit an int. */
#define LODGE_MEM_MAX_NR_PAGES	((1UL << 31) - 1)

/**
 * struct lodge_memslot - one range of guest memory
 * @base_gfn: first guest frame
 * @npages: frames it has, at least 1
 * @userspace_addr: where its memory is mapped in the VMM, page aligned
 * @flags: KVM_MEM_*
 * @id: its number in the address space
 * @as_id: address space
 * @invalid: on its way out: faults wait, accesses find nothing, notifiers see
 *	it still. Set once, by whoever holds the slots lock; READ_ONCE()
 * @dirty_bitmap: NULL unless KVM_MEM_LOG_DIRTY_PAGES; bits are little endian,
 *	set atomically. As many words again follow it, for the ioctl's snapshot
 * @arch: the architecture's part
 *
 * Immutable once published, but for @invalid, @dirty_bitmap's bits and @arch.
 */
struct lodge_memslot {
	gfn_t base_gfn;
	unsigned long npages;
	hva_t userspace_addr;
	u32 flags;
	u16 id;
	u8 as_id;
	bool invalid;
	unsigned long *dirty_bitmap;
	struct lodge_memslot_arch arch;
};

static inline bool lodge_memslot_holds(const struct lodge_memslot *slot, gfn_t gfn)
{
	return gfn - slot->base_gfn < slot->npages;
}

static inline hva_t lodge_memslot_hva(const struct lodge_memslot *slot, gfn_t gfn)
{
	return slot->userspace_addr + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

/* First address after the slot's memory in the VMM. */
static inline hva_t lodge_memslot_hva_end(const struct lodge_memslot *slot)
{
	return slot->userspace_addr + (slot->npages << PAGE_SHIFT);
}

/* Words of a dirty bitmap, without the snapshot. */
static inline unsigned long lodge_memslot_dirty_words(const struct lodge_memslot *slot)
{
	return BITS_TO_LONGS(slot->npages);
}

int lodge_memslot_vm_init(struct lodge_vm *vm);
void lodge_memslot_vm_destroy(struct lodge_vm *vm);

/* KVM_SET_USER_MEMORY_REGION(2); takes the slots lock. */
int lodge_memslot_set_region(struct lodge_vm *vm, const struct kvm_userspace_memory_region2 *mem);

/* Need the VM's SRCU or the slots lock. */
struct lodge_memslots *lodge_memslots(struct lodge_vm *vm, unsigned int as_id);
struct lodge_memslot *lodge_memslot_find(struct lodge_memslots *slots, gfn_t gfn);
struct lodge_memslot *lodge_memslot_by_id(struct lodge_memslots *slots, u16 id);

#endif
