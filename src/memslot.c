// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: KVM_SET_USER_MEMORY_REGION(2).
 *
 * A change is planned, prepared and committed. Planning refuses, preparing
 * allocates, and neither changes anything that others see; committing cannot
 * fail. A slot that goes or moves is first marked invalid, so that no new fault
 * maps from it while its old mappings are dropped, but it stays in the array
 * until then: a notifier that came in between must still find it.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>

#include "arch_mmu.h"
#include "dirty_log.h"
#include "memslot.h"
#include "notifier.h"
#include "tree.h"
#include "vm.h"

static_assert(LODGE_USER_MEM_SLOTS <= U16_MAX);
static_assert(LODGE_USER_AS <= LODGE_MAX_AS);

enum kind { NOTHING, CREATE, DELETE, MOVE, FLAGS };

/**
 * struct change - one call of the ioctl
 * @vm: the VM
 * @kind: what it comes to
 * @now: array in force
 * @next: array to be
 * @old: slot of @now that goes, NULL on CREATE
 * @new: slot that takes its place, NULL on DELETE
 */
struct change {
	struct lodge_vm *vm;
	enum kind kind;
	struct lodge_memslots *now;
	struct lodge_memslots *next;
	struct lodge_memslot *old;
	struct lodge_memslot *new;
};

/**
 * lodge_memslots() - an address space's slots
 * @vm: the VM
 * @as_id: address space, below LODGE_MAX_AS
 *
 * Context: any, under the VM's SRCU or its slots lock, for as long as the array
 * and its slots are used.
 */
struct lodge_memslots *lodge_memslots(struct lodge_vm *vm, unsigned int as_id)
{
	return srcu_dereference_check(vm->as[as_id].slots, &vm->srcu,
				      lockdep_is_held(&vm->slots_lock) || !refcount_read(&vm->users));
}

static void free_slot(struct lodge_memslot *slot)
{
	if (!slot)
		return;
	kvfree(slot->dirty_bitmap);
	kfree(slot);
}

/**
 * lodge_memslot_vm_init() - no slots, and trees to map them in
 * @vm: a new VM
 *
 * Context: may sleep. Pair: lodge_memslot_vm_destroy(). Return: 0 or -ENOMEM.
 */
int lodge_memslot_vm_init(struct lodge_vm *vm)
{
	struct lodge_memslots *slots;
	unsigned int i;
	int err;

	err = lodge_tree_vm_init(vm);
	if (err)
		return err;
	for (i = 0; i < LODGE_MAX_AS; i++) {
		slots = lodge_slot_array_new(NULL, NULL, NULL, GFP_KERNEL_ACCOUNT);
		if (!slots) {
			lodge_memslot_vm_destroy(vm);
			return -ENOMEM;
		}
		rcu_assign_pointer(vm->as[i].slots, slots);
	}
	return 0;
}

/**
 * lodge_memslot_vm_destroy() - free slots and trees
 * @vm: a VM without vCPUs and notifier
 *
 * Context: may sleep.
 */
void lodge_memslot_vm_destroy(struct lodge_vm *vm)
{
	struct lodge_memslots *slots;
	unsigned int i, j;

	for (i = 0; i < LODGE_MAX_AS; i++) {
		slots = rcu_dereference_protected(vm->as[i].slots, true);
		RCU_INIT_POINTER(vm->as[i].slots, NULL);
		for (j = 0; slots && j < slots->nr; j++)
			free_slot(slots->by_gfn[j]);
		kvfree(slots);
	}
	lodge_tree_vm_destroy(vm);
}

static unsigned int as_of(const struct kvm_userspace_memory_region2 *mem)
{
	return mem->slot >> 16;
}

static bool aligned(u64 value)
{
	return !(value & ~PAGE_MASK);
}

/*
 * Memory that guest_mem may copy to and from without asking again. The end is
 * checked against the limit itself, too: access_ok() may accept more, such as
 * addresses with a tag.
 */
static bool user_range_ok(u64 addr, u64 size)
{
	return aligned(addr) && size <= TASK_SIZE_MAX && addr <= TASK_SIZE_MAX - size &&
	       access_ok((void __user *)(unsigned long)addr, size);
}

/* What can be said without looking at the slots that are there. */
static bool region_ok(struct lodge_vm *vm, const struct kvm_userspace_memory_region2 *mem)
{
	return !(mem->flags & ~lodge_arch_memslot_flags(vm)) &&
	       aligned(mem->memory_size) && aligned(mem->guest_phys_addr) &&
	       user_range_ok(mem->userspace_addr, mem->memory_size) &&
	       as_of(mem) < LODGE_USER_AS && (u16)mem->slot < LODGE_USER_MEM_SLOTS &&
	       mem->guest_phys_addr + mem->memory_size >= mem->guest_phys_addr &&
	       mem->memory_size >> PAGE_SHIFT <= LODGE_MEM_MAX_NR_PAGES;
}

static int plan_place(const struct change *c, gfn_t base, unsigned long npages)
{
	if (lodge_slot_array_overlaps(c->now, base, npages, c->old))
		return -EEXIST;
	return base + npages <= lodge_arch_mmu_gfn_limit() ? 0 : -EINVAL;
}

static int plan(struct change *c, const struct kvm_userspace_memory_region2 *mem)
{
	gfn_t base = mem->guest_phys_addr >> PAGE_SHIFT;
	unsigned long npages = mem->memory_size >> PAGE_SHIFT;

	c->now = lodge_memslots(c->vm, as_of(mem));
	c->old = lodge_memslot_by_id(c->now, mem->slot);

	if (!npages) {
		c->kind = DELETE;
		return c->old ? 0 : -EINVAL;
	}
	if (!c->old) {
		c->kind = CREATE;
		return plan_place(c, base, npages);
	}
	if (mem->userspace_addr != c->old->userspace_addr || npages != c->old->npages ||
	    (mem->flags ^ c->old->flags) & KVM_MEM_READONLY)
		return -EINVAL;
	if (base != c->old->base_gfn) {
		c->kind = MOVE;
		return plan_place(c, base, npages);
	}
	c->kind = mem->flags == c->old->flags ? NOTHING : FLAGS;
	return 0;
}

/* A bitmap, and room for a snapshot of it behind. */
static unsigned long *new_bitmap(const struct lodge_memslot *slot)
{
	return kvcalloc(2 * lodge_memslot_dirty_words(slot), sizeof(long), GFP_KERNEL_ACCOUNT);
}

/* A slot that keeps logging keeps its bits: who has the old slot in hand still marks there. */
static bool give_bitmap(struct lodge_memslot *new, const struct lodge_memslot *old)
{
	if (!(new->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return true;
	new->dirty_bitmap = old && old->dirty_bitmap ? old->dirty_bitmap : new_bitmap(new);
	return new->dirty_bitmap;
}

static struct lodge_memslot *new_slot(const struct kvm_userspace_memory_region2 *mem, const struct lodge_memslot *old)
{
	struct lodge_memslot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->base_gfn = mem->guest_phys_addr >> PAGE_SHIFT;
	slot->npages = mem->memory_size >> PAGE_SHIFT;
	slot->userspace_addr = mem->userspace_addr;
	slot->flags = mem->flags;
	slot->id = mem->slot;
	slot->as_id = as_of(mem);
	if (!give_bitmap(slot, old)) {
		kfree(slot);
		return NULL;
	}
	return slot;
}

/* Of two slots that share a bitmap, @slot loses it. */
static void unshare_bitmap(struct lodge_memslot *slot, const struct lodge_memslot *other)
{
	if (slot && other && slot->dirty_bitmap == other->dirty_bitmap)
		slot->dirty_bitmap = NULL;
}

static int prepare(struct change *c, const struct kvm_userspace_memory_region2 *mem)
{
	if (c->kind != DELETE) {
		c->new = new_slot(mem, c->old);
		if (!c->new)
			return -ENOMEM;
	}
	c->next = lodge_slot_array_new(c->now, c->old, c->new, GFP_KERNEL_ACCOUNT);
	if (c->next)
		return 0;
	unshare_bitmap(c->new, c->old);
	free_slot(c->new);
	return -ENOMEM;
}

/* After this nothing maps what @slot backs, and nothing will. */
static void retire(struct lodge_vm *vm, struct lodge_memslot *slot)
{
	WRITE_ONCE(slot->invalid, true);
	synchronize_srcu_expedited(&vm->srcu);
	lodge_tree_zap_slot(vm, slot);
}

static void publish(struct change *c, unsigned int as_id)
{
	lodge_notifier_swap_begin(c->vm);
	rcu_assign_pointer(c->vm->as[as_id].slots, c->next);
	lodge_notifier_swap_end(c->vm);
	synchronize_srcu_expedited(&c->vm->srcu);
}

/* From here on every fault sees the new flags; now bring older mappings in line. */
static void apply_flags(struct change *c)
{
	u32 changed = c->old->flags ^ c->new->flags;

	if (!(changed & KVM_MEM_LOG_DIRTY_PAGES))
		return;
	if (c->new->flags & KVM_MEM_LOG_DIRTY_PAGES)
		lodge_dirty_log_start(c->vm, c->new);
	else
		lodge_dirty_log_stop(c->vm, c->new);
}

static void commit(struct change *c, unsigned int as_id)
{
	lockdep_assert_held(&c->vm->slots_lock);

	if (c->kind == DELETE || c->kind == MOVE)
		retire(c->vm, c->old);
	publish(c, as_id);
	if (c->kind == FLAGS)
		apply_flags(c);

	kvfree(c->now);
	unshare_bitmap(c->old, c->new);
	free_slot(c->old);
}

/**
 * lodge_memslot_set_region() - create, delete, move or change a slot
 * @vm: the VM
 * @mem: the ioctl's argument; a size of 0 deletes
 *
 * Context: may sleep; takes the slots lock.
 * Return: 0; -EINVAL (alignment, range, flags, number, nothing to delete, or
 * what a live slot cannot change), -EEXIST (overlap), -ENOMEM.
 */
int lodge_memslot_set_region(struct lodge_vm *vm, const struct kvm_userspace_memory_region2 *mem)
{
	struct change c = { .vm = vm };
	int err;

	if (!region_ok(vm, mem))
		return -EINVAL;

	mutex_lock(&vm->slots_lock);
	err = plan(&c, mem);
	if (!err && c.kind != NOTHING)
		err = prepare(&c, mem);
	if (!err && c.kind != NOTHING)
		commit(&c, as_of(mem));
	mutex_unlock(&vm->slots_lock);
	return err;
}
