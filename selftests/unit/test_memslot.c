// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots against a plain model: random calls of the ioctl, and after each
 * the same answer and the same memory at every frame.
 *
 * Around them a world as hostile as the real one may be. Readers that began
 * before a change go on with what they saw until they are waited for. vCPUs
 * fault at every step of a change. Allocations fail. What they map must never
 * be left behind where the slots say something else.
 *
 * test_memslot [seed] [operations]
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/lodge.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch_mmu.h"
#include "dirty_log.h"
#include "memslot.h"
#include "notifier.h"
#include "tree.h"

#define FRAMES		96	/* frames of guest memory that are looked at */
#define IDS		12
#define HVA_BASE	0x7f0000000000UL
#define HVA_PAGES	64
#define LIMIT		(1UL << 36)

/* The model */

struct model_slot {
	bool live;
	u64 base;
	u64 npages;
	u64 hva;
	u32 flags;
};

static struct model_slot model[IDS];

/* What vCPUs have mapped. */
struct leaf {
	bool present;
	bool writable;
	u64 hva;
};

static struct leaf tree[FRAMES];

static u64 seed, rng;
static unsigned long op;
static struct lodge_vm vm;
static unsigned int allocs_until_failure;
static bool alloc_failed;

/* A reader under SRCU: the array it sees, and whether it began when a slot was invalid already. */
static struct lodge_memslots *reader;
static bool reader_saw_invalid;
static bool swapping;
static unsigned long waits_at_publication;

static u64 random64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static u64 pick(u64 n)
{
	return (random64() >> 11) % n;
}

__attribute__((format(printf, 1, 2), noreturn))
static void fail(const char *format, ...)
{
	va_list args;

	printf("not ok - seed %llu, operation %lu: ", seed, op);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

#define CHECK(condition) do {						\
	if (!(condition))						\
		fail("%s:%d: %s", __func__, __LINE__, #condition);	\
} while (0)

/* The world around memslot.c */

bool shim_alloc_fails(gfp_t gfp)
{
	if (gfp != GFP_KERNEL_ACCOUNT)
		fail("allocation that is not accounted");
	if (!allocs_until_failure || --allocs_until_failure)
		return false;
	alloc_failed = true;
	return true;
}

static void fault_in(struct lodge_memslots *slots, u64 gfn, bool write, bool heed_invalid)
{
	struct lodge_memslot *slot = lodge_memslot_find(slots, gfn);

	if (!slot || (heed_invalid && slot->invalid))
		return;
	if (write && slot->flags & KVM_MEM_READONLY)
		return;
	tree[gfn] = (struct leaf) {
		.present = true,
		.hva = lodge_memslot_hva(slot, gfn),
		.writable = write || (!slot->dirty_bitmap && !(slot->flags & KVM_MEM_READONLY)),
	};
	if (write)
		lodge_dirty_log_mark(&vm, slot, gfn);
}

/* A vCPU that comes now sees what is published now. */
static void some_faults(void)
{
	unsigned int i;

	for (i = pick(4); i; i--)
		fault_in(vm.as[0].slots, pick(FRAMES), pick(2), true);
}

/* Readers finish with what they saw when they began. */
void synchronize_srcu_expedited(struct srcu_struct *srcu)
{
	unsigned int i;

	CHECK(!swapping);
	for (i = pick(4); i; i--)
		fault_in(reader, pick(FRAMES), pick(2), reader_saw_invalid);
	srcu->waits++;
	reader = vm.as[0].slots;
	reader_saw_invalid = true;
	some_faults();
}

void lodge_notifier_swap_begin(struct lodge_vm *v)
{
	lockdep_assert_held(&v->slots_lock);
	CHECK(!swapping);
	some_faults();
	swapping = true;
}

void lodge_notifier_swap_end(struct lodge_vm *v)
{
	CHECK(swapping);
	swapping = false;
	waits_at_publication = v->srcu.waits;
}

int lodge_tree_vm_init(struct lodge_vm *v)
{
	memset(tree, 0, sizeof(tree));
	return 0;
}

void lodge_tree_vm_destroy(struct lodge_vm *v)
{
}

void lodge_tree_zap_slot(struct lodge_vm *v, const struct lodge_memslot *slot)
{
	u64 gfn;

	lockdep_assert_held(&v->slots_lock);
	/* A notifier must find it until the last of its pages is unmapped. */
	CHECK(slot->invalid);
	CHECK(lodge_memslot_find(v->as[0].slots, slot->base_gfn) == slot);
	some_faults();
	for (gfn = 0; gfn < FRAMES; gfn++)
		if (lodge_memslot_holds(slot, gfn))
			tree[gfn].present = false;
}

static bool marked(const struct lodge_memslot *slot, u64 gfn)
{
	u64 bit = gfn - slot->base_gfn;

	return slot->dirty_bitmap[bit / 64] >> bit % 64 & 1;
}

void lodge_dirty_log_mark(struct lodge_vm *v, struct lodge_memslot *slot, gfn_t gfn)
{
	u64 bit = gfn - slot->base_gfn;

	if (slot->dirty_bitmap)
		slot->dirty_bitmap[bit / 64] |= 1UL << bit % 64;
}

void lodge_dirty_log_start(struct lodge_vm *v, struct lodge_memslot *slot)
{
	u64 gfn;

	lockdep_assert_held(&v->slots_lock);
	CHECK(slot->dirty_bitmap);
	CHECK(lodge_memslot_find(v->as[0].slots, slot->base_gfn) == slot);
	CHECK(v->srcu.waits > waits_at_publication);
	for (gfn = 0; gfn < FRAMES; gfn++)
		if (lodge_memslot_holds(slot, gfn))
			tree[gfn].writable = false;
}

void lodge_dirty_log_stop(struct lodge_vm *v, struct lodge_memslot *slot)
{
	CHECK(!slot->dirty_bitmap);
	CHECK(v->srcu.waits > waits_at_publication);
}

gfn_t lodge_arch_mmu_gfn_limit(void)
{
	return LIMIT;
}

u32 lodge_arch_memslot_flags(struct lodge_vm *v)
{
	return KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;
}

static void start(void)
{
	memset(&vm, 0, sizeof(vm));
	memset(model, 0, sizeof(model));
	vm.users = 1;
	allocs_until_failure = 0;
	CHECK(!lodge_memslot_vm_init(&vm));
	reader = vm.as[0].slots;
}

static void stop(void)
{
	vm.users = 0;
	lodge_memslot_vm_destroy(&vm);
}

/* What the ioctl's documentation says, in the order it does not matter in. */

static bool model_refuses(const struct kvm_userspace_memory_region2 *mem)
{
	unsigned __int128 hva_end = (unsigned __int128)mem->userspace_addr + mem->memory_size;
	unsigned __int128 gpa_end = (unsigned __int128)mem->guest_phys_addr + mem->memory_size;

	return mem->flags & ~3U || mem->slot >> 16 || mem->slot >= LODGE_USER_MEM_SLOTS ||
	       mem->memory_size % 4096 || mem->guest_phys_addr % 4096 || mem->userspace_addr % 4096 ||
	       hva_end > TASK_SIZE_MAX || gpa_end >> 64 || mem->memory_size / 4096 > 0x7fffffff;
}

static bool model_overlaps(u64 base, u64 npages, const struct model_slot *but)
{
	unsigned int i;

	for (i = 0; i < IDS; i++)
		if (model[i].live && &model[i] != but &&
		    base < model[i].base + model[i].npages && model[i].base < base + npages)
			return true;
	return false;
}

static int model_place(u64 base, u64 npages, const struct model_slot *but)
{
	if (model_overlaps(base, npages, but))
		return -EEXIST;
	return base + npages > LIMIT ? -EINVAL : 0;
}

static int model_answer(const struct kvm_userspace_memory_region2 *mem)
{
	u64 base = mem->guest_phys_addr / 4096, npages = mem->memory_size / 4096;
	struct model_slot *slot;

	if (model_refuses(mem))
		return -EINVAL;
	slot = &model[mem->slot];
	if (!npages)
		return slot->live ? 0 : -EINVAL;
	if (!slot->live)
		return model_place(base, npages, NULL);
	if (npages != slot->npages || mem->userspace_addr != slot->hva || (mem->flags ^ slot->flags) & KVM_MEM_READONLY)
		return -EINVAL;
	return base == slot->base ? 0 : model_place(base, npages, slot);
}

static void model_apply(const struct kvm_userspace_memory_region2 *mem)
{
	model[mem->slot] = (struct model_slot) {
		.live = mem->memory_size,
		.base = mem->guest_phys_addr / 4096,
		.npages = mem->memory_size / 4096,
		.hva = mem->userspace_addr,
		.flags = mem->flags,
	};
}

/* Comparison */

static const struct model_slot *model_find(u64 gfn)
{
	unsigned int i;

	for (i = 0; i < IDS; i++)
		if (model[i].live && gfn - model[i].base < model[i].npages)
			return &model[i];
	return NULL;
}

static void compare_slot(const struct lodge_memslot *slot, const struct model_slot *want)
{
	CHECK(!slot == !want);
	if (!slot)
		return;
	CHECK(!slot->invalid);
	CHECK(slot->base_gfn == want->base);
	CHECK(slot->npages == want->npages);
	CHECK(slot->userspace_addr == want->hva);
	CHECK(slot->flags == want->flags);
	CHECK(!slot->dirty_bitmap == !(want->flags & KVM_MEM_LOG_DIRTY_PAGES));
}

/* What a vCPU can do without a fault must be what the slots say. */
static void check_leaf(const struct lodge_memslot *slot, u64 gfn)
{
	const struct leaf *leaf = &tree[gfn];

	if (!leaf->present)
		return;
	if (!slot)
		fail("frame %llu is mapped without a slot", gfn);
	if (leaf->hva != lodge_memslot_hva(slot, gfn))
		fail("frame %llu is mapped to other memory than its slot's", gfn);
	if (leaf->writable && slot->flags & KVM_MEM_READONLY)
		fail("frame %llu is writable in a read-only slot", gfn);
	if (leaf->writable && slot->dirty_bitmap && !marked(slot, gfn))
		fail("frame %llu can be written without a mark", gfn);
}

static void compare_hva(u64 first, u64 last)
{
	struct lodge_memslots *slots = vm.as[0].slots;
	u64 start_addr = HVA_BASE + first * 4096, end = HVA_BASE + last * 4096;
	unsigned int i = lodge_slot_array_upper(slots, end), found = 0, want = 0;
	struct lodge_memslot *slot;

	while ((slot = lodge_slot_array_prev(slots, &i, start_addr))) {
		CHECK(slot->userspace_addr < end && lodge_memslot_hva_end(slot) > start_addr);
		CHECK(!(found & 1U << slot->id));
		found |= 1U << slot->id;
	}
	for (i = 0; i < IDS; i++)
		if (model[i].live && model[i].hva < end && model[i].hva + model[i].npages * 4096 > start_addr)
			want |= 1U << i;
	if (found != want)
		fail("host pages %llu to %llu: slots %#x, should be %#x", first, last, found, want);
}

static void compare(void)
{
	struct lodge_memslots *slots = vm.as[0].slots;
	u64 gfn, first = pick(HVA_PAGES);
	unsigned int i, live = 0;

	for (i = 0; i < IDS; i++) {
		compare_slot(lodge_memslot_by_id(slots, i), model[i].live ? &model[i] : NULL);
		live += model[i].live;
	}
	CHECK(slots->nr == live);
	for (gfn = 0; gfn < FRAMES; gfn++) {
		struct lodge_memslot *slot = lodge_memslot_find(slots, gfn);

		compare_slot(slot, model_find(gfn));
		check_leaf(slot, gfn);
	}
	compare_hva(first, first + 1 + pick(HVA_PAGES));
	CHECK(!vm.slots_lock.held);
}

/* Random calls */

static u64 odd_u64(void)
{
	static const u64 odd[] = {
		1, 0x800, 0x1001, -4096ULL, -1ULL, 1ULL << 63, 1ULL << 47, (1ULL << 47) - 4096,
		0x7fffffffULL << 12, 0x80000000ULL << 12, LIMIT << 12, (LIMIT - 1) << 12, 1ULL << 56,
	};

	return odd[pick(sizeof(odd) / sizeof(*odd))];
}

static struct kvm_userspace_memory_region2 random_region(void)
{
	struct kvm_userspace_memory_region2 mem = {
		.slot = pick(IDS),
		.flags = pick(4),
		.guest_phys_addr = pick(FRAMES) * 4096,
		.memory_size = pick(3) ? pick(24) * 4096 : 0,
		.userspace_addr = HVA_BASE + pick(HVA_PAGES) * 4096,
	};
	struct model_slot *slot = &model[mem.slot];

	/* A live slot can only be changed in some ways. */
	if (slot->live && pick(4)) {
		mem.memory_size = slot->npages * 4096;
		mem.userspace_addr = slot->hva;
		mem.flags = slot->flags ^ (pick(2) ? KVM_MEM_LOG_DIRTY_PAGES : 0);
		if (pick(2))
			mem.guest_phys_addr = slot->base * 4096;
	}
	switch (pick(64)) {
	case 0:
		mem.slot = pick(2) ? random64() : LODGE_USER_MEM_SLOTS + pick(8);
		break;
	case 1:
		mem.flags |= 1U << pick(32);
		break;
	case 2:
		mem.guest_phys_addr = odd_u64();
		break;
	case 3:
		mem.memory_size = odd_u64();
		break;
	case 4:
		mem.userspace_addr = odd_u64();
		break;
	}
	return mem;
}

/* A slot number that the model has no place for: only refusals can be compared. */
static bool beyond_model(const struct kvm_userspace_memory_region2 *mem)
{
	return !model_refuses(mem) && mem->slot >= IDS;
}

static void one_operation(void)
{
	struct kvm_userspace_memory_region2 mem = random_region();
	struct lodge_memslots *before = vm.as[0].slots;
	int want, got;

	if (beyond_model(&mem))
		return;
	/* A bitmap for 8 TiB is not what is tested here. */
	if (mem.memory_size >> 12 > 1UL << 20 && mem.flags & KVM_MEM_LOG_DIRTY_PAGES)
		mem.flags &= ~KVM_MEM_LOG_DIRTY_PAGES;

	some_faults();
	reader_saw_invalid = false;
	want = model_answer(&mem);
	alloc_failed = false;
	allocs_until_failure = pick(16) ? 0 : 1 + pick(3);
	got = lodge_memslot_set_region(&vm, &mem);
	allocs_until_failure = 0;
	if (alloc_failed)
		want = -ENOMEM;
	if (got != want)
		fail("slot %#x flags %#x gpa %#llx size %#llx hva %#llx: %d, should be %d", mem.slot, mem.flags,
		     mem.guest_phys_addr, mem.memory_size, mem.userspace_addr, got, want);
	if (got)
		CHECK(vm.as[0].slots == before);
	else
		model_apply(&mem);
	compare();
}

static void same_as_the_model(unsigned long operations)
{
	start();
	for (op = 0; op < operations; op++)
		one_operation();
	stop();
}

static int set(u32 slot, u32 flags, u64 gpa, u64 size, u64 hva)
{
	struct kvm_userspace_memory_region2 mem = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size, .userspace_addr = hva,
	};

	return lodge_memslot_set_region(&vm, &mem);
}

/* CVE-2020-36313: a look-up after deletions used a place that was no more; slot at frame 0, and none at all. */
static void lookup_after_deletion_in_any_order(void)
{
	static const int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	unsigned int i, j, k;
	u64 gfn;

	for (i = 0; i < 36; i++) {
		start();
		for (k = 0; k < 3; k++)
			CHECK(!set(order[i / 6][k], 0, order[i / 6][k] * 0x3000, 0x2000, HVA_BASE));
		for (k = 0; k < 3; k++) {
			CHECK(!set(order[i % 6][k], 0, 0, 0, 0));
			for (gfn = 0; gfn < FRAMES; gfn++) {
				struct lodge_memslot *slot = lodge_memslot_find(vm.as[0].slots, gfn);
				bool there = gfn < 9 && gfn % 3 < 2;

				for (j = 0; j <= k; j++)
					there &= gfn / 3 != (u64)order[i % 6][j];
				CHECK(!slot == !there);
			}
		}
		CHECK(!lodge_memslot_find(vm.as[0].slots, ~0ULL));
		stop();
	}
}

/* CVE-2013-1943: a slot over kernel addresses gave the guest the kernel's memory. */
static void kernel_addresses_are_refused(void)
{
	unsigned int bit;

	start();
	for (bit = 47; bit < 64; bit++) {
		CHECK(set(0, 0, 0, 0x1000, 1UL << bit) == -EINVAL);
		CHECK(set(0, 0, 0, 0x1000, -1UL << bit) == -EINVAL);
		CHECK(set(0, 0, 0, 0x1000, HVA_BASE | 1UL << bit) == -EINVAL);
	}
	CHECK(set(0, 0, 0, 0x1000, -0x1000UL) == -EINVAL);
	CHECK(set(0, 0, 0, 0x1000, TASK_SIZE_MAX) == -EINVAL);
	CHECK(set(0, 0, 0, 0x2000, TASK_SIZE_MAX - 0x1000) == -EINVAL);
	CHECK(!set(0, 0, 0, 0x1000, TASK_SIZE_MAX - 0x1000));
	stop();
}

/* CVE-2013-4592: a moved slot left what was mapped at its old place. */
static void moved_slot_leaves_nothing(void)
{
	u64 gfn;

	start();
	CHECK(!set(5, 0, 0x10000, 0x8000, HVA_BASE));
	for (gfn = 0; gfn < FRAMES; gfn++)
		fault_in(vm.as[0].slots, gfn, true, true);
	CHECK(!set(5, 0, 0x14000, 0x8000, HVA_BASE));
	for (gfn = 0; gfn < FRAMES; gfn++)
		check_leaf(lodge_memslot_find(vm.as[0].slots, gfn), gfn);
	CHECK(!lodge_memslot_find(vm.as[0].slots, 0x10));
	CHECK(lodge_memslot_hva(lodge_memslot_find(vm.as[0].slots, 0x14), 0x14) == HVA_BASE);
	stop();
}

/* Sizes whose sum with the start wraps around, or is more than can be mapped. */
static void ranges_that_wrap_are_refused(void)
{
	start();
	CHECK(set(0, 0, -0x1000ULL, 0x2000, HVA_BASE) == -EINVAL);
	CHECK(set(0, 0, -0x1000ULL, 0x1000, HVA_BASE) == -EINVAL);
	CHECK(set(0, 0, 0x1000, -0x1000ULL, HVA_BASE) == -EINVAL);
	CHECK(set(0, 0, 0, 0x80000000ULL << 12, 0) == -EINVAL);
	CHECK(!set(0, 0, 0, 0x7fffffffULL << 12, 0));
	CHECK(set(1, 0, LIMIT << 12, 0x1000, HVA_BASE) == -EINVAL);
	CHECK(set(1, 0, (LIMIT - 1) << 12, 0x2000, HVA_BASE) == -EINVAL);
	CHECK(!set(1, 0, (LIMIT - 1) << 12, 0x1000, HVA_BASE));
	stop();
}

/* Memory that runs out at any step leaves everything as it was. */
static void no_memory_changes_nothing(void)
{
	struct lodge_memslots *before;
	unsigned int n;

	start();
	CHECK(!set(0, KVM_MEM_LOG_DIRTY_PAGES, 0x4000, 0x4000, HVA_BASE));
	CHECK(!set(1, 0, 0x8000, 0x4000, HVA_BASE));
	fault_in(vm.as[0].slots, 4, true, true);
	before = vm.as[0].slots;
	for (n = 1; n < 8; n++) {
		allocs_until_failure = n;
		if (set(2, KVM_MEM_LOG_DIRTY_PAGES, 0, 0x4000, HVA_BASE) != -ENOMEM)
			break;
		CHECK(vm.as[0].slots == before);
		CHECK(!lodge_memslot_find(before, 0));
	}
	CHECK(n == 4);	/* slot, bitmap, array */
	before = vm.as[0].slots;
	allocs_until_failure = 1;
	CHECK(set(0, 0, 0, 0, 0) == -ENOMEM);
	allocs_until_failure = 2;
	CHECK(set(0, KVM_MEM_LOG_DIRTY_PAGES, 0x10000, 0x4000, HVA_BASE) == -ENOMEM);
	CHECK(vm.as[0].slots == before && tree[4].present);
	CHECK(marked(lodge_memslot_find(before, 4), 4));
	stop();
}

/* A slot that moves while it logs keeps its marks: they are by page of the slot. */
static void marks_move_with_the_slot(void)
{
	struct lodge_memslot *slot;

	start();
	CHECK(!set(0, KVM_MEM_LOG_DIRTY_PAGES, 0x4000, 0x4000, HVA_BASE));
	slot = lodge_memslot_find(vm.as[0].slots, 6);
	lodge_dirty_log_mark(&vm, slot, 6);
	CHECK(!set(0, KVM_MEM_LOG_DIRTY_PAGES, 0x20000, 0x4000, HVA_BASE));
	slot = lodge_memslot_find(vm.as[0].slots, 0x22);
	CHECK(marked(slot, 0x22));
	stop();
}

static void as_many_as_are_offered(void)
{
	unsigned int i, id, step = 3571;	/* no divisor in common: every id once */

	start();
	for (i = 0; i < 4000; i++) {
		id = i * step % LODGE_USER_MEM_SLOTS;
		CHECK(!set(id, 0, (u64)id << 12, 0x1000, HVA_BASE + ((u64)id << 12)));
	}
	CHECK(!set(LODGE_USER_MEM_SLOTS - 1, 0, 1ULL << 40, 0x1000, HVA_BASE));
	CHECK(set(LODGE_USER_MEM_SLOTS, 0, 1ULL << 41, 0x1000, HVA_BASE) == -EINVAL);
	CHECK(set(1 << 16, 0, 1ULL << 41, 0x1000, HVA_BASE) == -EINVAL);
	for (i = 0; i < 4000; i++) {
		id = i * step % LODGE_USER_MEM_SLOTS;
		CHECK(lodge_memslot_find(vm.as[0].slots, id)->id == id);
		CHECK(!set(id, 0, 0, 0, 0));
		CHECK(!lodge_memslot_find(vm.as[0].slots, id));
	}
	stop();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "lookup_after_deletion_in_any_order", lookup_after_deletion_in_any_order },
	{ "kernel_addresses_are_refused", kernel_addresses_are_refused },
	{ "moved_slot_leaves_nothing", moved_slot_leaves_nothing },
	{ "ranges_that_wrap_are_refused", ranges_that_wrap_are_refused },
	{ "no_memory_changes_nothing", no_memory_changes_nothing },
	{ "marks_move_with_the_slot", marks_move_with_the_slot },
	{ "as_many_as_are_offered", as_many_as_are_offered },
};

#define CASES	(sizeof(cases) / sizeof(*cases))

int main(int argc, char **argv)
{
	unsigned long operations = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;
	unsigned int i;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (u64)time(NULL);
	rng = seed * 0x9e3779b97f4a7c15ULL | 1;

	printf("TAP version 13\n1..%zu\n", CASES + 1);
	for (i = 0; i < CASES; i++) {
		cases[i].run();
		printf("ok %u - %s\n", i + 1, cases[i].name);
	}
	same_as_the_model(operations);
	printf("ok %zu - same_as_the_model: %lu operations, seed %llu\n", CASES + 1, operations, seed);
	return 0;
}
