// SPDX-License-Identifier: GPL-2.0
/*
 * A made-up format with all that NPT has not: levels of unequal width, 64 KiB
 * pages, leaf tables of 256 bytes, a root of 16 KiB, big-endian entries, pages
 * without read permission, and break-before-make.
 *
 *  63 valid  62 leaf  61 MMIO  60 frozen   47..8 address
 *  7 host-writable  6..5 memory type  4 dirty  3 accessed  2 exec  1 write  0 read
 *  MMIO: 55..8 generation, 2..0 access
 */
#include <linux/bits.h>

#include "stage2_odd.h"

#define VALID		BIT_ULL(63)
#define LEAF		BIT_ULL(62)
#define MMIO		BIT_ULL(61)
#define FROZEN		BIT_ULL(60)
#define ADDRESS		GENMASK_ULL(47, 8)
#define GENERATION	GENMASK_ULL(55, 8)

static u64 swap(u64 entry)
{
	return __builtin_bswap64(entry);
}

static enum lodge_stage2_kind odd_kind(u64 entry, unsigned int level)
{
	entry = swap(entry);
	if (entry & VALID)
		return entry & LEAF ? LODGE_STAGE2_LEAF : LODGE_STAGE2_TABLE;
	if (entry & MMIO)
		return LODGE_STAGE2_MMIO;
	return entry & FROZEN ? LODGE_STAGE2_FROZEN : LODGE_STAGE2_ABSENT;
}

static u64 odd_make_table(hpa_t hpa, unsigned int level)
{
	return swap(VALID | hpa);
}

static hpa_t odd_table_hpa(u64 entry, unsigned int level)
{
	entry = swap(entry);
	return (entry & (VALID | LEAF)) == VALID ? entry & ADDRESS : 0;
}

static u64 odd_make_leaf(hpa_t hpa, struct lodge_stage2_attr attr,
			 unsigned int level)
{
	return swap(VALID | LEAF | hpa | attr.readable | attr.writable << 1 |
		    attr.executable << 2 | attr.accessed << 3 | attr.dirty << 4 |
		    attr.memtype << 5 | attr.host_writable << 7);
}

static void odd_read_leaf(u64 entry, unsigned int level,
			  struct lodge_stage2_leaf *leaf)
{
	entry = swap(entry);
	leaf->hpa = entry & ADDRESS;
	leaf->attr = (struct lodge_stage2_attr) {
		.readable = entry & 1,
		.writable = entry >> 1 & 1,
		.executable = entry >> 2 & 1,
		.accessed = entry >> 3 & 1,
		.dirty = entry >> 4 & 1,
		.memtype = entry >> 5 & 3,
		.host_writable = entry >> 7 & 1,
	};
}

static u64 odd_make_mmio(u64 generation, unsigned int access)
{
	return swap(MMIO | generation << 8 | access);
}

static void odd_read_mmio(u64 entry, struct lodge_stage2_leaf *leaf)
{
	entry = swap(entry);
	leaf->generation = (entry & GENERATION) >> 8;
	leaf->access = entry & 7;
}

const struct lodge_stage2_format stage2_odd_format = {
	.name = "odd",
	.levels = 4,
	.hpa_bits = 48,
	.generation_bits = 48,
	.break_before_make = true,
	.frozen = 0x10,		/* FROZEN, as hardware would see it */
	.level = {
		{ 16, 5, true, 256, 256 },
		{ 21, 9, true, 4096, 4096 },
		{ 30, 7, true, 1024, 1024 },
		{ 37, 11, false, 16384, 16384 },
	},
	.kind = odd_kind,
	.make_table = odd_make_table,
	.table_hpa = odd_table_hpa,
	.make_leaf = odd_make_leaf,
	.read_leaf = odd_read_leaf,
	.make_mmio = odd_make_mmio,
	.read_mmio = odd_read_mmio,
};
