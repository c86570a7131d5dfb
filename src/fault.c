// SPDX-License-Identifier: GPL-2.0
/*
 * The one fault path: from (gpa, access) to an installed stage-2 leaf.
 *
 * Slot, host page, level, and the installation under the notifier protocol
 * (Documentation/memory.rst). Where the processor found a leaf, the tree itself
 * may have the answer: the access is allowed by now, or the page was only
 * write-protected for dirty logging. Where it found nothing, the tree is not
 * asked. Addresses without memory are not remembered in it either: to search the
 * slots costs a tenth of a walk.
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/srcu.h>

#include "arch_mmu.h"
#include "dirty_log.h"
#include "fault.h"
#include "host_page.h"
#include "memslot.h"
#include "notifier.h"
#include "tree.h"
#include "vm.h"

static struct lodge_stage2 *tree_of(const struct lodge_fault *fault)
{
	return &fault->vm->as[fault->as_id].stage2;
}

static gfn_t gfn_of(const struct lodge_fault *fault)
{
	return fault->gpa >> PAGE_SHIFT;
}

static bool is_write(const struct lodge_fault *fault)
{
	return fault->access & LODGE_ACCESS_WRITE;
}

static bool allows(struct lodge_stage2_attr attr, unsigned int access)
{
	return (attr.readable || !(access & LODGE_ACCESS_READ)) &&
	       (attr.writable || !(access & LODGE_ACCESS_WRITE)) &&
	       (attr.executable || !(access & LODGE_ACCESS_EXEC));
}

/*
 * The leaf was write-protected for the log, and the host let us write: no need
 * to ask it again. Writable first, then marked: the other way round a harvest
 * in between would take the mark and leave the page writable.
 */
static bool enable_write(struct lodge_fault *fault)
{
	unsigned int max_level = fault->slot->dirty_bitmap ? 0 : LODGE_STAGE2_MAX_LEVELS;
	struct lodge_vm *vm = fault->vm;
	int err;

	read_lock(&vm->mmu_lock);
	err = lodge_stage2_make_writable(tree_of(fault), fault->gpa, max_level);
	if (!err)
		lodge_dirty_log_mark(vm, fault->slot, gfn_of(fault));
	read_unlock(&vm->mmu_lock);
	return !err;
}

/* Without asking the host: true if the access is allowed now. */
static bool fix_leaf(struct lodge_fault *fault)
{
	struct lodge_stage2_leaf leaf;

	if (lodge_stage2_lookup(tree_of(fault), fault->gpa, &leaf) || leaf.kind != LODGE_STAGE2_LEAF)
		return false;
	if (allows(leaf.attr, fault->access))
		return true;
	return is_write(fault) && leaf.attr.host_writable && enable_write(fault);
}

/* The page's range must lie in the slot, and have the same place in guest and host pages of its size. */
static bool slot_has(const struct lodge_fault *fault, unsigned int shift)
{
	const struct lodge_memslot *slot = fault->slot;
	gpa_t mask = BIT_ULL(shift) - 1;
	gpa_t start = fault->gpa & ~mask;

	return !((fault->gpa ^ fault->hva) & mask) && start >= lodge_tree_slot_start(slot) &&
	       start + mask < lodge_tree_slot_end(slot);
}

/* Largest leaf that slot and host mapping allow. A page that is logged is mapped by itself. */
static unsigned int max_level(const struct lodge_fault *fault, const struct lodge_host_page *hp)
{
	const struct lodge_stage2_format *fmt = tree_of(fault)->fmt;
	const struct lodge_stage2_level *next;
	unsigned int level;

	if (fault->slot->dirty_bitmap)
		return 0;
	for (level = 0; level + 1 < fmt->levels; level++) {
		next = &fmt->level[level + 1];
		if (!next->leaf || next->shift > hp->shift || !slot_has(fault, next->shift))
			break;
	}
	return level;
}

static struct lodge_stage2_attr attr_for(const struct lodge_fault *fault, const struct lodge_host_page *hp)
{
	/* A logged page becomes writable by a write only, which marks it. */
	bool writable = hp->writable && (is_write(fault) || !fault->slot->dirty_bitmap);

	return (struct lodge_stage2_attr) {
		.readable = 1,
		.writable = writable,
		.executable = 1,
		.accessed = 1,
		.dirty = is_write(fault),
		.host_writable = hp->writable,
		.memtype = lodge_arch_mmu_memtype(fault->vm, hp->ram),
	};
}

static int map_page(struct lodge_fault *fault, const struct lodge_host_page *hp, unsigned int level)
{
	hpa_t hpa = (hpa_t)hp->pfn << PAGE_SHIFT | (fault->gpa & ~PAGE_MASK);
	struct lodge_stage2_attr attr = attr_for(fault, hp);
	int err;

	/* Smaller pages there already: they serve as well. */
	do {
		err = lodge_stage2_map(tree_of(fault), fault->cache, fault->gpa, level, hpa, attr);
	} while (err == -EEXIST && level--);
	return err;
}

static int install(struct lodge_fault *fault, struct lodge_host_page *hp, unsigned int level, unsigned long seq)
{
	struct lodge_vm *vm = fault->vm;
	int err = -EAGAIN;

	read_lock(&vm->mmu_lock);
	if (!lodge_notifier_retry(vm, seq, fault->hva))
		err = map_page(fault, hp, level);
	if (err >= 0 && is_write(fault))
		lodge_dirty_log_mark(vm, fault->slot, gfn_of(fault));
	lodge_host_page_put(hp, err >= 0);
	read_unlock(&vm->mmu_lock);
	return err;
}

static int handle_memory(struct lodge_fault *fault)
{
	bool want_write = !(fault->slot->flags & KVM_MEM_READONLY);
	struct lodge_host_page hp;
	unsigned long seq;
	int err;

	if (!lodge_stage2_cache_ready(fault->cache)) {
		err = lodge_stage2_cache_topup(fault->cache, 1, GFP_KERNEL_ACCOUNT);
		if (err)
			return err;
	}
	seq = lodge_notifier_seq(fault->vm);
	err = lodge_host_page_get(fault->hva, is_write(fault), want_write, &hp);
	if (err)
		return err;
	/* A writable mapping of a read-only slot's memory is no business of the guest. */
	hp.writable &= want_write;
	return install(fault, &hp, max_level(fault, &hp), seq);
}

/* What the way to the page ended with, in terms of the caller. */
static int result_of(struct lodge_fault *fault, int err)
{
	switch (err) {
	case 0:
	case 1:
		return LODGE_FAULT_FIXED;
	case -EHWPOISON:
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)(fault->hva & PAGE_MASK), PAGE_SHIFT, current);
		fallthrough;
	case -EAGAIN:
	case -EINTR:
		return LODGE_FAULT_RETRY;
	case -EFAULT:
	case -ENOMEM:
		return err;
	default:
		lodge_vm_kill(fault->vm, "a page could not be mapped");
		return -EIO;
	}
}

static int handle_slot(struct lodge_fault *fault)
{
	struct lodge_memslot *slot = fault->slot;

	if (READ_ONCE(slot->invalid))
		return LODGE_FAULT_RETRY;
	if (is_write(fault) && slot->flags & KVM_MEM_READONLY)
		return LODGE_FAULT_READONLY;
	if (fault->present && fix_leaf(fault))
		return LODGE_FAULT_FIXED;
	return result_of(fault, handle_memory(fault));
}

/**
 * lodge_fault_handle() - resolve one stage-2 fault
 * @fault: what happened
 *
 * See fault.h.
 */
int lodge_fault_handle(struct lodge_fault *fault)
{
	fault->slot = lodge_memslot_find(lodge_memslots(fault->vm, fault->as_id), gfn_of(fault));
	if (!fault->slot) {
		fault->hva = LODGE_INVALID_HVA;
		return LODGE_FAULT_MMIO;
	}
	fault->hva = lodge_memslot_hva(fault->slot, gfn_of(fault)) | (fault->gpa & ~PAGE_MASK);
	return handle_slot(fault);
}
