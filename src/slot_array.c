// SPDX-License-Identifier: GPL-2.0
/*
 * One address space's slots: an immutable snapshot, sorted in three ways.
 *
 * Faults look for a guest frame, ioctls for an id, notifiers for a host
 * address. All are binary searches, so that 32,764 slots are no slower to live
 * with than three; a change copies the array, which is rare.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "memslot.h"

enum order { BY_GFN, BY_ID, BY_HVA, ORDERS };

/* What follows by_gfn[] for each slot. */
#define BYTES_PER_SLOT	(ORDERS * sizeof(struct lodge_memslot *) + sizeof(hva_t))

static struct lodge_memslot **sorted(const struct lodge_memslots *slots, enum order order)
{
	return (struct lodge_memslot **)slots->by_gfn + (size_t)order * slots->nr;
}

static hva_t *reach(const struct lodge_memslots *slots)
{
	return (hva_t *)sorted(slots, ORDERS);
}

static __always_inline u64 key(const struct lodge_memslot *slot, enum order order)
{
	switch (order) {
	case BY_GFN:
		return slot->base_gfn;
	case BY_ID:
		return slot->id;
	default:
		return slot->userspace_addr;
	}
}

/* First place whose key is at least @wanted. */
static __always_inline unsigned int lower_bound(struct lodge_memslot **by, unsigned int nr, u64 wanted,
						enum order order)
{
	unsigned int low = 0, high = nr, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (key(by[mid], order) < wanted)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Where @slot, which is there, stands: host addresses need not be unique. */
static unsigned int place(struct lodge_memslot **by, unsigned int nr, const struct lodge_memslot *slot,
			  enum order order)
{
	unsigned int i = lower_bound(by, nr, key(slot, order), order);

	while (by[i] != slot)
		i++;
	return i;
}

static void copy_one_order(struct lodge_memslots *to, const struct lodge_memslots *from,
			   const struct lodge_memslot *gone, struct lodge_memslot *added, enum order order)
{
	struct lodge_memslot **dst = sorted(to, order), **src = sorted(from, order);
	unsigned int nr = from->nr, i;

	i = gone ? place(src, nr, gone, order) : nr;
	memcpy(dst, src, i * sizeof(*dst));
	if (gone) {
		nr--;
		memcpy(dst + i, src + i + 1, (nr - i) * sizeof(*dst));
	}
	if (added) {
		i = lower_bound(dst, nr, key(added, order), order);
		memmove(dst + i + 1, dst + i, (nr - i) * sizeof(*dst));
		dst[i] = added;
	}
}

static void fill_reach(struct lodge_memslots *slots)
{
	struct lodge_memslot **by = sorted(slots, BY_HVA);
	hva_t *to = reach(slots), end = 0;
	unsigned int i;

	for (i = 0; i < slots->nr; i++) {
		end = max(end, lodge_memslot_hva_end(by[i]));
		to[i] = end;
	}
}

/**
 * lodge_slot_array_new() - a changed copy of an array
 * @from: the array; NULL for an empty one
 * @gone: slot of @from to leave out, or NULL
 * @added: slot to put in, or NULL; must not overlap the others
 * @gfp: how to allocate
 *
 * Context: may sleep if @gfp does; @from does not go away meanwhile. Free with
 * kvfree(). Return: the new array or NULL.
 */
struct lodge_memslots *lodge_slot_array_new(const struct lodge_memslots *from, struct lodge_memslot *gone,
					    struct lodge_memslot *added, gfp_t gfp)
{
	static const struct lodge_memslots empty;
	struct lodge_memslots *to;
	unsigned int nr;

	if (!from)
		from = &empty;
	nr = from->nr - !!gone + !!added;
	to = kvmalloc(size_add(sizeof(*to), size_mul(nr, BYTES_PER_SLOT)), gfp);
	if (!to)
		return NULL;
	to->nr = nr;
	copy_one_order(to, from, gone, added, BY_GFN);
	copy_one_order(to, from, gone, added, BY_ID);
	copy_one_order(to, from, gone, added, BY_HVA);
	fill_reach(to);
	return to;
}

/**
 * lodge_memslot_find() - the slot that backs a frame
 * @slots: an address space's slots
 * @gfn: any frame number
 *
 * Context: any, under the VM's SRCU or its slots lock.
 * Return: the slot, maybe invalid by now; NULL if there is none.
 */
struct lodge_memslot *lodge_memslot_find(struct lodge_memslots *slots, gfn_t gfn)
{
	unsigned int low = 0, high = slots->nr, mid;
	struct lodge_memslot *slot;

	while (low < high) {
		mid = (low + high) / 2;
		slot = slots->by_gfn[mid];
		if (gfn < slot->base_gfn)
			high = mid;
		else if (lodge_memslot_holds(slot, gfn))
			return slot;
		else
			low = mid + 1;
	}
	return NULL;
}

/**
 * lodge_memslot_by_id() - the slot with a number
 * @slots: an address space's slots
 * @id: its number, without the address space
 *
 * Context: any, under the VM's SRCU or its slots lock. Return: the slot or NULL.
 */
struct lodge_memslot *lodge_memslot_by_id(struct lodge_memslots *slots, u16 id)
{
	struct lodge_memslot **by = sorted(slots, BY_ID);
	unsigned int i = lower_bound(by, slots->nr, id, BY_ID);

	return i < slots->nr && by[i]->id == id ? by[i] : NULL;
}

/**
 * lodge_slot_array_overlaps() - is any of these frames taken?
 * @slots: an address space's slots
 * @base: first frame
 * @npages: frames, at least 1; their end does not wrap
 * @but: slot that does not count, or NULL
 *
 * Context: any, under the VM's SRCU or its slots lock.
 */
bool lodge_slot_array_overlaps(const struct lodge_memslots *slots, gfn_t base, unsigned long npages,
			       const struct lodge_memslot *but)
{
	struct lodge_memslot **by = sorted(slots, BY_GFN);
	/* Slots below the first that begins at the end or later, from the highest down. */
	unsigned int i = lower_bound(by, slots->nr, base + npages, BY_GFN);

	while (i--) {
		if (by[i] == but)
			continue;
		return by[i]->base_gfn + by[i]->npages > base;
	}
	return false;
}

/**
 * lodge_slot_array_upper() - where to begin with lodge_slot_array_prev()
 * @slots: an address space's slots
 * @end: end of a range of host addresses
 *
 * Context: any, under the VM's SRCU or its slots lock.
 * Return: the place after the last slot that begins below @end.
 */
unsigned int lodge_slot_array_upper(const struct lodge_memslots *slots, hva_t end)
{
	return lower_bound(sorted(slots, BY_HVA), slots->nr, end, BY_HVA);
}

/**
 * lodge_slot_array_prev() - the next slot with memory in a range of host addresses
 * @slots: an address space's slots
 * @i: from lodge_slot_array_upper() of the range's end; updated
 * @start: the range's start
 *
 * Context: any, under the VM's SRCU or its slots lock. Return: the slot or NULL.
 */
struct lodge_memslot *lodge_slot_array_prev(const struct lodge_memslots *slots, unsigned int *i, hva_t start)
{
	struct lodge_memslot *slot;

	while (*i && reach(slots)[*i - 1] > start) {
		slot = sorted(slots, BY_HVA)[--*i];
		if (lodge_memslot_hva_end(slot) > start)
			return slot;
	}
	return NULL;
}
