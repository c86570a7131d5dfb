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

static unsigned long copy_u32(void *data, const u32 __user *user)
{
	u32 val;

	if (__get_user(val, user))
		return sizeof(val);
	memcpy(data, &val, sizeof(val));
	return 0;
}

/* Two words that overlap. */
static unsigned long copy_words(void *data, const void __user *user, unsigned long len)
{
	unsigned long rest = len - sizeof(u64);
	u64 first, last;

	if (__get_user(first, (const u64 __user *)user) || __get_user(last, (const u64 __user *)(user + rest)))
		return len;
	memcpy(data, &first, sizeof(first));
	memcpy(data + rest, &last, sizeof(last));
	return 0;
}

/*
 * Most reads are of one number or one instruction; the usual way spends more on
 * checking where it copies to than on copying. The slot's range was checked to
 * be user space when it was made. Returns bytes not copied, or all if in doubt.
 */
static unsigned long copy_in(void *data, const void __user *user, unsigned long len)
{
	if (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS)) {
		if (len == sizeof(u32))
			return copy_u32(data, user);
		if (len >= sizeof(u64) && len <= 2 * sizeof(u64))
			return copy_words(data, user, len);
	}
	return __copy_from_user_inatomic(data, user, len);
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
		if (!chunk_at(vm, as_id, gpa, len, false, &c) || copy_in(data, c.user, c.len))
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
		pagefault_disable();
		left = copy_in(data, c.user, c.len);
		pagefault_enable();
		if (left)
			return -EFAULT;
	}
	return 0;
}

/**
 * lodge_guest_view_begin() - look at an address space for several small reads
 * @view: to set up
 * @vm: the VM
 * @as_id: address space
 *
 * Context: any; the VM's SRCU held until the last read.
 */
void lodge_guest_view_begin(struct lodge_guest_view *view, struct lodge_vm *vm, unsigned int as_id)
{
	view->slots = lodge_memslots(vm, as_id);
	view->slot = NULL;
}

/* NULL: no memory. */
static void __user *view_at(struct lodge_guest_view *view, gpa_t gpa)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	struct lodge_memslot *slot = view->slot;

	if (!slot || !lodge_memslot_holds(slot, gfn)) {
		slot = lodge_memslot_find(view->slots, gfn);
		view->slot = slot;
	}
	if (!slot || READ_ONCE(slot->invalid))
		return NULL;
	return (void __user *)(lodge_memslot_hva(slot, gfn) | offset_in_page(gpa));
}

/**
 * lodge_guest_view_u32() - read four bytes
 * @view: the look
 * @gpa: where; not across a page
 * @val: out; undefined on error
 *
 * Context: may sleep unless page faults are disabled; SRCU held since lodge_guest_view_begin(). Return: 0 or -EFAULT.
 */
int lodge_guest_view_u32(struct lodge_guest_view *view, gpa_t gpa, u32 *val)
{
	u32 __user *user = view_at(view, gpa);

	return user ? __get_user(*val, user) : -EFAULT;
}

/**
 * lodge_guest_view_u64() - read eight bytes
 * @view: the look
 * @gpa: where; not across a page
 * @val: out; undefined on error
 *
 * Context: may sleep unless page faults are disabled; SRCU held since lodge_guest_view_begin(). Return: 0 or -EFAULT.
 */
int lodge_guest_view_u64(struct lodge_guest_view *view, gpa_t gpa, u64 *val)
{
	u64 __user *user = view_at(view, gpa);

	return user ? __get_user(*val, user) : -EFAULT;
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
