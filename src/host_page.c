// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of a fault.
 *
 * What is mapped already is read from the host's page table, without a lock and
 * without a reference: whoever unmaps it tells the notifier first, and nothing
 * is done with what was read before the notifier protocol was passed. What is
 * not mapped yet is faulted in, and comes with a reference, which is given back
 * once the page is mapped. A page that does not count references (mappings of
 * devices, reserved memory) is never taken: a reference on such a page would
 * free it when given back.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/ioport.h>
#include <linux/irqflags.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/swap.h>

#include "compat.h"
#include "host_page.h"

/**
 * struct mapping - an entry of the host's page table that user space may read
 * @pfn: frame of the page at the address
 * @shift: log2 of what the entry maps, bytes
 * @writable: user space may write
 * @special: there may be no struct page, or not one to be touched
 */
struct mapping {
	unsigned long pfn;
	unsigned int shift;
	bool writable;
	bool special;
};

/*
 * Each entry is read once, and descended from by value: it may become something
 * else meanwhile. Tables are not freed while interrupts are off. All return
 * false if there is nothing that user space may read. Inlined, so that the
 * answer stays in registers: this is on the way of every first touch.
 */

static __always_inline bool read_pte(pmd_t *pmd, hva_t hva, struct mapping *m)
{
	pte_t pte = ptep_get_lockless(pte_offset_kernel(pmd, hva));

	m->pfn = pte_pfn(pte);
	m->shift = PAGE_SHIFT;
	m->writable = pte_access_permitted(pte, true);
	m->special = pte_special(pte);
	return m->writable || pte_access_permitted(pte, false);
}

static __always_inline bool read_pmd(pud_t *pud, hva_t hva, struct mapping *m)
{
	pmd_t pmd = READ_ONCE(*pmd_offset(pud, hva));

	if (!pmd_present(pmd))
		return false;
	if (likely(!pmd_leaf(pmd)))
		return read_pte(&pmd, hva, m);
	m->pfn = pmd_pfn(pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT);
	m->shift = PMD_SHIFT;
	m->writable = pmd_access_permitted(pmd, true);
	m->special = lodge_pmd_special(pmd);
	return pmd_access_permitted(pmd, false);
}

static __always_inline bool read_pud(p4d_t *p4d, hva_t hva, struct mapping *m)
{
	pud_t pud = READ_ONCE(*pud_offset(p4d, hva));

	if (!pud_present(pud))
		return false;
	if (likely(!pud_leaf(pud)))
		return read_pmd(&pud, hva, m);
	m->pfn = pud_pfn(pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT);
	m->shift = PUD_SHIFT;
	m->writable = pud_access_permitted(pud, true);
	m->special = lodge_pud_special(pud);
	return pud_access_permitted(pud, false);
}

static __always_inline bool read_mapping(hva_t hva, struct mapping *m)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(current->mm, hva));
	p4d_t p4d;

	lockdep_assert_irqs_disabled();

	if (!pgd_present(pgd))
		return false;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	return p4d_present(p4d) && read_pud(&p4d, hva, m);
}

/*
 * Anonymous memory, or of a file that the kernel may have a reference to. Files
 * that are kept from the kernel (memfd_secret) cannot be told from outside, but
 * they are unevictable; the few others that are, too, take the long way. The
 * mapping is not freed while interrupts are off.
 */
static bool is_plain(struct page *page)
{
	struct folio *folio = page_folio(page);
	struct address_space *mapping;

	if (folio_test_anon(folio))
		return true;
	mapping = READ_ONCE(folio->mapping);
	return mapping && IS_ALIGNED((unsigned long)mapping, sizeof(long)) && !mapping_unevictable(mapping) &&
	       !is_zone_device_page(page);
}

/* What is mapped already, and allows what is asked. */
static bool get_mapped(hva_t hva, bool write, struct lodge_host_page *out)
{
	struct mapping m;
	struct page *page = NULL;
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = read_mapping(hva, &m) && (m.writable || !write) && !m.special;
	if (found) {
		page = pfn_to_page(m.pfn);
		found = is_plain(page);
	}
	local_irq_restore(flags);
	if (!found)
		return false;

	out->pfn = m.pfn;
	out->page = page;
	out->shift = m.shift;
	out->referenced = false;
	out->writable = m.writable;
	out->ram = true;
	return true;
}

static unsigned int mapping_shift(hva_t hva)
{
	unsigned long flags;
	struct mapping m;
	bool found;

	local_irq_save(flags);
	found = read_mapping(hva, &m);
	local_irq_restore(flags);
	return found ? m.shift : PAGE_SHIFT;
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
	*out = (struct lodge_host_page) {
		.pfn = page_to_pfn(page),
		.page = page,
		.shift = mapping_shift(hva),
		.referenced = true,
		.writable = write,
		.ram = true,
	};
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
		.shift = PAGE_SHIFT,
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
 * Context: may sleep; the VMM's mm is current->mm; lodge_notifier_seq() was
 * called before. Pair: lodge_host_page_put().
 * Return: 0; -EFAULT (not there, or not for this access), -EHWPOISON, -EINTR
 * (signal), -EAGAIN (ask again), -ENOMEM.
 */
int lodge_host_page_get(hva_t hva, bool write, bool want_write, struct lodge_host_page *out)
{
	int err;

	if (get_mapped(hva, write, out))
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
 * mapping goes it is too late to say so safely. The host cannot clean the page
 * without an invalidation, after which the guest faults again.
 *
 * Context: any but NMI; if @mapped, under the hold of mmu_lock under which the
 * notifier protocol was passed and the page mapped, so that it is still the
 * VMM's.
 */
void lodge_host_page_put(struct lodge_host_page *hp, bool mapped)
{
	if (!hp->page)
		return;
	if (mapped && !PageReserved(hp->page)) {
		if (hp->writable && !PageDirty(hp->page))
			SetPageDirty(hp->page);
		mark_page_accessed(hp->page);
	}
	if (hp->referenced)
		put_page(hp->page);
}
