// SPDX-License-Identifier: GPL-2.0
/*
 * The host's own accesses to guest memory, through the VMM's mapping.
 *
 * Going through the mapping and not through page references means that swap,
 * copy-on-write, userfaultfd and protection work as for the VMM itself.
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>

#include "arch_mmu.h"
#include "dirty_log.h"
#include "guest_mem.h"
#include "memslot.h"
#include "vm.h"

/**
 * struct chunk - the part of a range that one slot backs, from the start on
 * @slot: the slot
 * @user: its address in the VMM
 * @len: bytes
 */
struct chunk {
	struct lodge_memslot *slot;
	void __user *user;
	unsigned long len;
};

static struct lodge_memslot *slot_at(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, bool write)
{
	struct lodge_memslot *slot = lodge_memslot_find(lodge_memslots(vm, as_id), gpa >> PAGE_SHIFT);

	if (!slot || READ_ONCE(slot->invalid))
		return NULL;
	return write && slot->flags & KVM_MEM_READONLY ? NULL : slot;
}

static bool chunk_at(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, unsigned long len, bool write,
		     struct chunk *out)
{
	struct lodge_memslot *slot = slot_at(vm, as_id, gpa, write);
	gpa_t offset;

	if (!slot)
		return false;
	offset = gpa - (slot->base_gfn << PAGE_SHIFT);
	out->slot = slot;
	out->user = (void __user *)(slot->userspace_addr + offset);
	out->len = min_t(u64, len, ((u64)slot->npages << PAGE_SHIFT) - offset);
	return true;
}

static void mark_range(struct lodge_vm *vm, struct lodge_memslot *slot, gpa_t gpa, unsigned long len)
{
	gfn_t gfn = gpa >> PAGE_SHIFT, last = (gpa + len - 1) >> PAGE_SHIFT;

	if (!slot->dirty_bitmap)
		return;
	for (; gfn <= last; gfn++)
		lodge_dirty_log_mark(vm, slot, gfn);
}

/**
 * lodge_guest_read() - copy from guest memory
 * @vm: the VM
 * @as_id: address space
 * @gpa: first guest address
 * @data: where to
 * @len: bytes
 *
 * Context: may sleep; the VM's SRCU held.
 * Return: 0; -EFAULT, with @data filled in part.
 */
int lodge_guest_read(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, void *data, unsigned long len)
{
	struct chunk c;

	for (; len; gpa += c.len, data += c.len, len -= c.len) {
		if (!chunk_at(vm, as_id, gpa, len, false, &c) || copy_from_user(data, c.user, c.len))
			return -EFAULT;
	}
	return 0;
}

/**
 * lodge_guest_write() - copy to guest memory
 * @vm: the VM
 * @as_id: address space
 * @gpa: first guest address
 * @data: where from
 * @len: bytes
 *
 * What was written is marked dirty, also if the rest could not be. Context:
 * may sleep; the VM's SRCU held.
 * Return: 0; -EFAULT, with part written.
 */
int lodge_guest_write(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, const void *data, unsigned long len)
{
	struct chunk c;
	unsigned long left;

	for (; len; gpa += c.len, data += c.len, len -= c.len) {
		if (!chunk_at(vm, as_id, gpa, len, true, &c))
			return -EFAULT;
		left = copy_to_user(c.user, data, c.len);
		if (left < c.len)
			mark_range(vm, c.slot, gpa, c.len - left);
		if (left)
			return -EFAULT;
	}
	return 0;
}

/**
 * lodge_guest_read_atomic() - copy from guest memory without sleeping
 * @vm: the VM
 * @as_id: address space
 * @gpa: first guest address
 * @data: where to
 * @len: bytes, few
 *
 * Context: any but NMI, interrupts on or off; the VM's SRCU held.
 * Return: 0; -EFAULT if it cannot be read right now, with @data filled in part.
 */
int lodge_guest_read_atomic(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, void *data, unsigned long len)
{
	struct chunk c;
	unsigned long left;

	for (; len; gpa += c.len, data += c.len, len -= c.len) {
		if (!chunk_at(vm, as_id, gpa, len, false, &c))
			return -EFAULT;
		/* The slot's range was checked to be user space when it was made. */
		pagefault_disable();
		left = __copy_from_user_inatomic(data, c.user, c.len);
		pagefault_enable();
		if (left)
			return -EFAULT;
	}
	return 0;
}

/**
 * lodge_guest_cmpxchg() - compare and exchange in guest memory
 * @vm: the VM
 * @as_id: address space
 * @gpa: guest address, aligned to @bytes
 * @old: in: what to expect; out: what was there
 * @new: what to put there
 * @bytes: 1, 2, 4 or 8
 *
 * Atomic against guest accesses. Context: may sleep; the VM's SRCU held.
 * Return: 0 exchanged; 1 not equal; -EFAULT; -EINVAL (size or alignment).
 */
int lodge_guest_cmpxchg(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa, u64 *old, u64 new, unsigned int bytes)
{
	struct chunk c;
	int r;

	if (!is_power_of_2(bytes) || bytes > sizeof(u64) || gpa & (bytes - 1))
		return -EINVAL;
	if (!chunk_at(vm, as_id, gpa, bytes, true, &c))
		return -EFAULT;
	r = lodge_arch_cmpxchg_user(c.user, old, new, bytes);
	if (!r)
		lodge_dirty_log_mark(vm, c.slot, gpa >> PAGE_SHIFT);
	return r;
}

/**
 * lodge_guest_readable() - does a read of this address go to memory?
 * @vm: the VM
 * @as_id: address space
 * @gpa: guest address
 *
 * Context: any; the VM's SRCU held.
 */
bool lodge_guest_readable(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa)
{
	return slot_at(vm, as_id, gpa, false);
}

/**
 * lodge_guest_writable() - does a write to this address go to memory?
 * @vm: the VM
 * @as_id: address space
 * @gpa: guest address
 *
 * Context: any; the VM's SRCU held.
 */
bool lodge_guest_writable(struct lodge_vm *vm, unsigned int as_id, gpa_t gpa)
{
	return slot_at(vm, as_id, gpa, true);
}
