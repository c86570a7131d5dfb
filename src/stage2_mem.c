// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for stage-2 tables in the kernel: whole pages, or pieces from the slab
 * (which aligns powers of two to their size).
 */
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "stage2_mem.h"

/*
 * Pieces are charged to the memory cgroup through @gfp, but not counted as page
 * tables: the counter knows whole pages only.
 */
static void count_pages(void *table, size_t bytes, int sign)
{
	mod_lruvec_page_state(virt_to_page(table), NR_SECONDARY_PAGETABLE,
			      sign * (int)(PAGE_ALIGN(bytes) >> PAGE_SHIFT));
}

/**
 * lodge_stage2_mem_alloc - a zeroed table
 * @bytes: its size, a power of two
 * @align: its alignment, at most @bytes
 * @gfp: how to allocate
 *
 * Context: may sleep if @gfp does.
 * Return: the table, in the linear mapping; NULL without memory.
 */
void *lodge_stage2_mem_alloc(size_t bytes, size_t align, gfp_t gfp)
{
	void *table;

	if (WARN_ON_ONCE(align > bytes))
		return NULL;
	if (bytes < PAGE_SIZE)
		return kzalloc(bytes, gfp);
	table = (void *)__get_free_pages(gfp | __GFP_ZERO, get_order(bytes));
	if (table)
		count_pages(table, bytes, 1);
	return table;
}

/**
 * lodge_stage2_mem_free - give a table back
 * @table: from lodge_stage2_mem_alloc()
 * @bytes: its size
 *
 * Context: any but NMI.
 */
void lodge_stage2_mem_free(void *table, size_t bytes)
{
	if (bytes < PAGE_SIZE) {
		kfree(table);
		return;
	}
	count_pages(table, bytes, -1);
	free_pages((unsigned long)table, get_order(bytes));
}

/**
 * lodge_stage2_mem_exit - wait until the last table is freed
 *
 * The module must not go while grace periods are pending that end in it.
 *
 * Context: module exit, may sleep.
 */
void lodge_stage2_mem_exit(void)
{
	rcu_barrier();
}
