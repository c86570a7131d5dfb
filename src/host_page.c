// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of a fault.
 *
 * A page that counts references is taken with one and given back as soon as it
 * is mapped: from then on the notifier protects us. A page that does not
 * (mappings of devices, reserved memory) is never taken at all: a reference on
 * such a page would free it when given back.
 */
#include <linux/bits.h>
#include <linux/ioport.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/swap.h>

#include "compat.h"
#include "host_page.h"

static bool take(struct lodge_host_page *out, struct page *page, bool writable)
{
	*out = (struct lodge_host_page) {
		.pfn = page_to_pfn(page),
		.page = page,
		.writable = writable,
		.ram = true,
	};
	return true;
}

/* What is mapped already, and allows what is asked, needs no lock. */
static bool get_mapped(hva_t hva, bool write, struct lodge_host_page *out)
{
	struct page *page;

	if (get_user_pages_fast_only(hva, 1, write ? FOLL_WRITE : 0, &page) != 1)
		return false;
	return take(out, page, write);
}

static int get_faulting(hva_t hva, bool write, struct lodge_host_page *out)
{
	unsigned int flags = FOLL_HWPOISON | LODGE_FOLL_INTERRUPTIBLE | LODGE_FOLL_HONOR_NUMA_FAULT;
	struct page *page;
	long r;

	if (write)
		flags |= FOLL_WRITE;
	r = get_user_pages_unlocked(hva, 1, &page, flags);
	if (r != 1)
		return r < 0 ? r : -EFAULT;
	take(out, page, write);
	return 0;
}

/* Give up the page in @out if the VMM could write it, too. */
static void upgrade(hva_t hva, struct lodge_host_page *out)
{
	struct lodge_host_page better;

	if (!get_mapped(hva, true, &better))
		return;
	put_page(out->page);
	*out = better;
}

static bool vma_allows(const struct vm_area_struct *vma, bool write)
{
	return vma->vm_flags & (write ? VM_WRITE : VM_READ);
}

/* mmap lock held; may be dropped and taken again, so that @vma is gone: -EAGAIN. */
static int follow(struct vm_area_struct *vma, hva_t hva, bool write, unsigned long *pfn, bool *writable)
{
	bool unlocked = false;
	int err = lodge_follow_pfn(vma, hva, pfn, writable);

	if (!err && (*writable || !write))
		return 0;
	err = fixup_user_fault(current->mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
	if (err)
		return err;
	if (unlocked)
		return -EAGAIN;
	err = lodge_follow_pfn(vma, hva, pfn, writable);
	if (err)
		return err;
	return *writable || !write ? 0 : -EFAULT;
}

/* Mappings whose pages have no reference counts that we may touch. */
static int get_unreferenced(hva_t hva, bool write, struct lodge_host_page *out)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long pfn;
	bool writable;
	int err;

	do {
		mmap_read_lock(mm);
		vma = vma_lookup(mm, hva);
		if (vma && vma->vm_flags & (VM_IO | VM_PFNMAP) && vma_allows(vma, write))
			err = follow(vma, hva, write, &pfn, &writable);
		else
			err = -EFAULT;
		mmap_read_unlock(mm);
	} while (err == -EAGAIN);

	if (err)
		return err == -EHWPOISON ? err : -EFAULT;
	*out = (struct lodge_host_page) {
		.pfn = pfn,
		.writable = writable,
		.ram = page_is_ram(pfn),
	};
	return 0;
}

/**
 * lodge_host_page_get() - the page behind an address of the VMM
 * @hva: the address
 * @write: the access is a write
 * @want_write: a mapping that can be written would be welcome
 * @out: the page
 *
 * Context: may sleep; the VMM's mm is current->mm. Pair: lodge_host_page_put().
 * Return: 0; -EFAULT (not there, or not for this access), -EHWPOISON, -EINTR
 * (signal), -EAGAIN (ask again), -ENOMEM.
 */
int lodge_host_page_get(hva_t hva, bool write, bool want_write, struct lodge_host_page *out)
{
	int err;

	if (want_write && get_mapped(hva, true, out))
		return 0;
	if (!write && get_mapped(hva, false, out))
		return 0;

	err = get_faulting(hva, write, out);
	if (!err) {
		if (!write && want_write)
			upgrade(hva, out);
		return 0;
	}
	if (err == -EINTR || err == -EAGAIN || err == -ENOMEM || err == -EHWPOISON)
		return err;
	return get_unreferenced(hva, write, out);
}

/**
 * lodge_host_page_put() - done with the page
 * @hp: from lodge_host_page_get()
 * @mapped: it was mapped: as writable as it says
 *
 * The page counts as written from here on if the guest can write it: when the
 * mapping goes there is no reference left to say so safely. The host cannot
 * clean the page without an invalidation, after which the guest faults again.
 *
 * Context: any but NMI; if @mapped, under the lock under which it was mapped.
 */
void lodge_host_page_put(struct lodge_host_page *hp, bool mapped)
{
	if (!hp->page)
		return;
	if (mapped && !PageReserved(hp->page)) {
		if (hp->writable)
			SetPageDirty(hp->page);
		mark_page_accessed(hp->page);
	}
	put_page(hp->page);
}

static unsigned int shift_of_pmd(pud_t *pud, hva_t hva)
{
	pmd_t pmd = READ_ONCE(*pmd_offset(pud, hva));

	return pmd_present(pmd) && pmd_leaf(pmd) ? PMD_SHIFT : PAGE_SHIFT;
}

static unsigned int shift_of_pud(p4d_t *p4d, hva_t hva)
{
	pud_t pud = READ_ONCE(*pud_offset(p4d, hva));

	if (!pud_present(pud))
		return PAGE_SHIFT;
	return pud_leaf(pud) ? PUD_SHIFT : shift_of_pmd(&pud, hva);
}

static unsigned int shift_of_pgd(pgd_t *pgd, hva_t hva)
{
	p4d_t p4d = READ_ONCE(*p4d_offset(pgd, hva));

	return p4d_present(p4d) ? shift_of_pud(&p4d, hva) : PAGE_SHIFT;
}

/**
 * lodge_host_page_shift() - how large is the host's mapping of an address?
 * @hva: address in current->mm
 *
 * Each entry is read once and descended from by value: it may become something
 * else meanwhile. The answer holds under the notifier protocol only.
 *
 * Context: any; with interrupts off page tables are not freed.
 * Return: log2 of its size in bytes; that of a page if nothing is mapped.
 */
unsigned int lodge_host_page_shift(hva_t hva)
{
	unsigned long flags;
	unsigned int shift = PAGE_SHIFT;
	pgd_t pgd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(current->mm, hva));
	if (pgd_present(pgd))
		shift = shift_of_pgd(&pgd, hva);
	local_irq_restore(flags);
	return shift;
}
