// SPDX-License-Identifier: GPL-2.0
/*
 * The format of AMD nested page tables.
 *
 * Nested tables are walked as user accesses in the host's paging mode, with the
 * host's PAT: Linux has write-combining at index 1 and uncached at 3.
 * A non-present entry belongs to software; ours say frozen or MMIO with
 * software bits, so zero is absent.
 */
#include <linux/bits.h>
#include <linux/cache.h>

#include "npt.h"

#define P		BIT_ULL(0)
#define W		BIT_ULL(1)
#define U		BIT_ULL(2)
#define PWT		BIT_ULL(3)
#define PCD		BIT_ULL(4)
#define A		BIT_ULL(5)
#define D		BIT_ULL(6)
#define PS		BIT_ULL(7)	/* PAT in an entry for the smallest page */
#define NX		BIT_ULL(63)
#define ADDRESS		GENMASK_ULL(51, 12)

/* Bits that hardware leaves to software. */
#define SW_HOST_WRITABLE	BIT_ULL(9)
#define SW_MMIO			BIT_ULL(10)

/* Not present: */
#define FROZEN			SW_HOST_WRITABLE
#define MMIO_ACCESS_SHIFT	1
#define MMIO_ACCESS		GENMASK_ULL(3, 1)
#define MMIO_GENERATION_SHIFT	12
#define MMIO_GENERATION_BITS	40

/* Marks the address of encrypted host memory; device memory never has it. */
static u64 encryption __ro_after_init;

/**
 * lodge_npt_init - learn how the host encrypts its memory
 * @encryption_mask: the bit that marks an encrypted address, 0 if there is none
 *
 * Context: module init, before any tree is made.
 */
void lodge_npt_init(u64 encryption_mask)
{
	encryption = encryption_mask & ADDRESS;
}

static enum lodge_stage2_kind npt_kind(u64 entry, unsigned int level)
{
	if (entry & P)
		return !level || (entry & PS) ? LODGE_STAGE2_LEAF :
						LODGE_STAGE2_TABLE;
	if (entry & SW_MMIO)
		return LODGE_STAGE2_MMIO;
	return entry ? LODGE_STAGE2_FROZEN : LODGE_STAGE2_ABSENT;
}

static u64 npt_make_table(hpa_t hpa, unsigned int level)
{
	return hpa | encryption | P | W | U | A;
}

static hpa_t npt_table_hpa(u64 entry, unsigned int level)
{
	if ((entry & (P | PS)) != P)
		return 0;
	return entry & ADDRESS & ~encryption;
}

static u64 npt_memtype_bits(unsigned int memtype)
{
	switch (memtype) {
	case LODGE_STAGE2_MEM_NORMAL:
		return encryption;
	case LODGE_STAGE2_MEM_WC:
		return PWT;
	default:
		return PCD | PWT;
	}
}

static unsigned int npt_memtype(u64 entry)
{
	switch (entry & (PCD | PWT)) {
	case 0:
		return LODGE_STAGE2_MEM_NORMAL;
	case PWT:
		return LODGE_STAGE2_MEM_WC;
	default:
		return LODGE_STAGE2_MEM_DEVICE;
	}
}

static u64 npt_make_leaf(hpa_t hpa, struct lodge_stage2_attr attr,
			 unsigned int level)
{
	u64 entry = hpa | P | U | npt_memtype_bits(attr.memtype);

	if (level)
		entry |= PS;
	if (attr.writable)
		entry |= W;
	if (!attr.executable)
		entry |= NX;
	if (attr.accessed)
		entry |= A;
	if (attr.dirty)
		entry |= D;
	if (attr.host_writable)
		entry |= SW_HOST_WRITABLE;
	return entry;
}

static void npt_read_leaf(u64 entry, unsigned int level,
			  struct lodge_stage2_leaf *leaf)
{
	leaf->hpa = entry & ADDRESS & ~encryption;
	leaf->attr = (struct lodge_stage2_attr) {
		.readable = 1,
		.writable = !!(entry & W),
		.executable = !(entry & NX),
		.accessed = !!(entry & A),
		.dirty = !!(entry & D),
		.host_writable = !!(entry & SW_HOST_WRITABLE),
		.memtype = npt_memtype(entry),
	};
}

static u64 npt_make_mmio(u64 generation, unsigned int access)
{
	return generation << MMIO_GENERATION_SHIFT | SW_MMIO |
	       ((u64)access << MMIO_ACCESS_SHIFT & MMIO_ACCESS);
}

static void npt_read_mmio(u64 entry, struct lodge_stage2_leaf *leaf)
{
	leaf->generation = (entry & ADDRESS) >> MMIO_GENERATION_SHIFT;
	leaf->access = (entry & MMIO_ACCESS) >> MMIO_ACCESS_SHIFT;
}

/* What is present can be read. */
static bool npt_can_map(struct lodge_stage2_attr attr)
{
	return attr.readable && attr.memtype <= LODGE_STAGE2_MEM_WC;
}

#define NPT_LEVEL(_shift, _leaf) {					\
	.shift = (_shift), .index_bits = 9, .leaf = (_leaf),		\
	.table_bytes = 4096, .table_align = 4096,			\
}

#define NPT_FORMAT(_name, _levels) {					\
	.name = (_name),						\
	.levels = (_levels),						\
	.hpa_bits = 52,							\
	.generation_bits = MMIO_GENERATION_BITS,			\
	.frozen = FROZEN,						\
	.level = {							\
		NPT_LEVEL(12, true),					\
		NPT_LEVEL(21, true),					\
		NPT_LEVEL(30, true),					\
		NPT_LEVEL(39, false),					\
		NPT_LEVEL(48, false),					\
	},								\
	.kind = npt_kind,						\
	.make_table = npt_make_table,					\
	.table_hpa = npt_table_hpa,					\
	.make_leaf = npt_make_leaf,					\
	.read_leaf = npt_read_leaf,					\
	.make_mmio = npt_make_mmio,					\
	.read_mmio = npt_read_mmio,					\
	.can_map = npt_can_map,						\
}

const struct lodge_stage2_format lodge_npt_format_4level =
	NPT_FORMAT("npt4", 4);
const struct lodge_stage2_format lodge_npt_format_5level =
	NPT_FORMAT("npt5", 5);
