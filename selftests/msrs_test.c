// SPDX-License-Identifier: GPL-2.0
/*
 * Model-specific registers: the protocol of the lists, values kept and seen
 * by the guest, refusals, and faults in the guest.
 */
#include "lodge_test.h"

#define MAX 512

struct indices {
	struct kvm_msr_list head;
	uint32_t index[MAX];
};

struct values {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[MAX];
};

FIXTURE(msrs) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	int dev;
};

FIXTURE_SETUP(msrs)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	lodge_guest_long(self->vcpu, LODGE_GUEST_CODE);
	self->dev = lodge_dev_open();
}

FIXTURE_TEARDOWN(msrs)
{
	lodge_guest_teardown(&self->guest);
	close(self->dev);
}

static void list_protocol(struct __test_metadata *_metadata, int dev,
			  unsigned long request, struct indices *list)
{
	unsigned int count;

	list->head.nmsrs = 0;
	ASSERT_EQ(-E2BIG, lodge_vm_ioctl(dev, request, list));
	count = list->head.nmsrs;
	ASSERT_LT(0, count);
	ASSERT_GT(MAX, count);
	list->head.nmsrs = count - 1;
	ASSERT_EQ(-E2BIG, lodge_vm_ioctl(dev, request, list));
	ASSERT_EQ(count, list->head.nmsrs);
	list->head.nmsrs = MAX;
	ASSERT_EQ(0, lodge_vm_ioctl(dev, request, list));
	ASSERT_EQ(count, list->head.nmsrs);
	ASSERT_EQ(-EFAULT, lodge_vm_ioctl(dev, request, (void *)8));
}

TEST_F(msrs, index_list_says_how_long_it_is)
{
	struct indices list;

	list_protocol(_metadata, self->dev, KVM_GET_MSR_INDEX_LIST, &list);
}

TEST_F(msrs, feature_list_says_how_long_it_is)
{
	struct indices list;
	struct values v = { .head.nmsrs = 1 };
	unsigned int i;

	list_protocol(_metadata, self->dev, KVM_GET_MSR_FEATURE_INDEX_LIST,
		      &list);
	for (i = 0; i < list.head.nmsrs; i++) {
		v.entry[0].index = list.index[i];
		ASSERT_EQ(1, lodge_vm_ioctl(self->dev, KVM_GET_MSRS, &v)) {
			TH_LOG("feature MSR %#x", list.index[i]);
		}
	}
	v.entry[0].index = 0xdeadbeef;
	ASSERT_EQ(0, lodge_vm_ioctl(self->dev, KVM_GET_MSRS, &v));
}

TEST_F(msrs, every_listed_msr_is_read_and_written_back)
{
	struct indices list = { .head.nmsrs = MAX };
	struct values v = { .head.nmsrs = 0 };
	unsigned int i, j;

	ASSERT_EQ(0, lodge_vm_ioctl(self->dev, KVM_GET_MSR_INDEX_LIST, &list));
	for (i = 0; i < list.head.nmsrs; i++) {
		uint64_t value;

		for (j = 0; j < i; j++) {
			ASSERT_NE(list.index[i], list.index[j]);
		}
		ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, list.index[i],
						&value)) {
			TH_LOG("get %#x", list.index[i]);
		}
		v.entry[i].index = list.index[i];
	}
	v.head.nmsrs = list.head.nmsrs;
	ASSERT_EQ(list.head.nmsrs, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_MSRS,
						  &v));
}

/* QEMU reads and writes these whether they are listed or not. */
static const uint32_t always[] = {
	0x174, 0x175, 0x176, 0x277, 0xc0000081, 0xc0000083, 0xc0000102,
	0xc0000084, 0xc0000082, 0x10, 0x17a, 0x17b, 0x2ff, 0x250, 0x258, 0x259,
	0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
	0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207,
	0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f,
	0xc0010000, 0xc0010001, 0xc0010002, 0xc0010003,
	0xc0010004, 0xc0010005, 0xc0010006, 0xc0010007,
};

TEST_F(msrs, the_set_that_clients_assert_on)
{
	uint64_t mcg_cap = 0x10a | 1 << 8;
	struct values v = { .head.nmsrs = 0 };
	unsigned int i, n = 0;

	ASSERT_EQ(0, lodge_vm_ioctl(self->vcpu->fd, KVM_X86_SETUP_MCE,
				    &mcg_cap));
	for (i = 0; i < sizeof(always) / sizeof(*always); i++)
		v.entry[n++].index = always[i];
	for (i = 0; i < 40; i++)
		v.entry[n++].index = 0x400 + i;
	v.head.nmsrs = n;
	for (i = 0; i < n; i++) {
		uint64_t value;

		EXPECT_EQ(1, lodge_vcpu_get_msr(self->vcpu, v.entry[i].index,
						&value)) {
			TH_LOG("%#x", v.entry[i].index);
		}
	}
	ASSERT_EQ(n, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_MSRS, &v));
	ASSERT_EQ(n, lodge_vm_ioctl(self->vcpu->fd, KVM_SET_MSRS, &v));
}

static const struct kept {
	const char *name;
	uint32_t index;
	uint64_t value;
} kept[] = {
	{ "SYSENTER_CS", 0x174, 0x10 },
	{ "SYSENTER_ESP", 0x175, 0x56789ab0 },
	{ "SYSENTER_EIP", 0x176, 0x45678000 },
	{ "PAT", 0x277, 0x0007010600070106 },
	{ "STAR", 0xc0000081, 0x0023001000000000 },
	{ "LSTAR", 0xc0000082, 0xffffffff81000000 },
	{ "CSTAR", 0xc0000083, 0xffffffff81000100 },
	{ "SFMASK", 0xc0000084, 0x47700 },
	{ "FS_BASE", 0xc0000100, 0x7f0000001000 },
	{ "GS_BASE", 0xc0000101, 0xffff888000000000 },
	{ "KERNEL_GS_BASE", 0xc0000102, 0x7f0000002000 },
	{ "TSC_AUX", 0xc0000103, 0x123 },
	{ "MTRR default", 0x2ff, 0xc06 },
	{ "MTRR fixed", 0x250, 0x0606060606060606 },
	{ "MTRR base", 0x200, 0x80000006 },
	{ "MTRR mask", 0x201, 0xff80000800 },
};

LODGE_GUEST64(read_msr,
	"1: rdmsr\n"
	"shl $32, %rdx\n"
	"mov %eax, %eax\n"
	"or %rdx, %rax\n"
	"hlt\n");
LODGE_GUEST64(write_msr,
	"mov %rax, %rdx\n"
	"shr $32, %rdx\n"
	"wrmsr\n"
	"hlt\n");

/* Returns the exit's kind: HLT, or IO if the guest took a fault. */
static int access_msr(struct lodge_guest *guest, bool write, uint32_t index,
		      uint64_t *value)
{
	struct kvm_regs regs;
	int ret;

	lodge_guest_load(&guest->vm, LODGE_GUEST_CODE,
			 write ? write_msr : read_msr,
			 write ? write_msr_end : read_msr_end);
	lodge_guest_set_ip(&guest->vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	regs.rcx = index;
	regs.rax = *value;
	lodge_vcpu_set_regs(&guest->vcpu, &regs);
	ret = lodge_vcpu_run(&guest->vcpu);
	lodge_vcpu_get_regs(&guest->vcpu, &regs);
	*value = regs.rax;
	return ret;
}

TEST_F(msrs, values_are_kept_and_seen_by_the_guest)
{
	unsigned int i;

	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		const struct kept *k = &kept[i];
		uint64_t value = 0;

		ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, k->index,
						k->value)) {
			TH_LOG("set %s", k->name);
		}
		ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, k->index, &value));
		ASSERT_EQ(k->value, value) TH_LOG("get %s", k->name);
		value = 0;
		ASSERT_EQ(KVM_EXIT_HLT, access_msr(&self->guest, false,
						   k->index, &value)) {
			TH_LOG("guest reads %s", k->name);
		}
		ASSERT_EQ(k->value, value) TH_LOG("guest reads %s", k->name);
	}
}

TEST_F(msrs, what_the_guest_writes_can_be_read)
{
	unsigned int i;

	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		const struct kept *k = &kept[i];
		uint64_t value = k->value;

		ASSERT_EQ(KVM_EXIT_HLT, access_msr(&self->guest, true,
						   k->index, &value)) {
			TH_LOG("guest writes %s", k->name);
		}
		value = 0;
		ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, k->index, &value));
		ASSERT_EQ(k->value, value) TH_LOG("get %s", k->name);
	}
}

static const struct kept illegal[] = {
	{ "unknown", 0xdeadbeef, 0 },
	{ "unknown low", 0x5f0, 0 },
	{ "PAT", 0x277, 0x0007010600070102 },
	{ "LSTAR", 0xc0000082, 0x8000000000000000 },
	{ "KERNEL_GS_BASE", 0xc0000102, 0x8000000000000000 },
	{ "EFER", 0xc0000080, 1ULL << 40 },
	{ "EFER low", 0xc0000080, 0x502 },
	{ "MTRR default", 0x2ff, 0x02 },
	{ "MTRR fixed", 0x250, 0x0202020202020202 },
	{ "APICBASE", 0x1b, 1ULL << 63 },
};

TEST_F(msrs, illegal_values_are_refused)
{
	unsigned int i;

	for (i = 0; i < sizeof(illegal) / sizeof(*illegal); i++) {
		EXPECT_EQ(0, lodge_vcpu_set_msr(self->vcpu, illegal[i].index,
						illegal[i].value)) {
			TH_LOG("%s", illegal[i].name);
		}
	}
}

TEST_F(msrs, the_guest_gets_a_fault_for_them)
{
	unsigned int i;

	for (i = 0; i < sizeof(illegal) / sizeof(*illegal); i++) {
		uint64_t value = illegal[i].value;

		/* The emulated processor lets non-canonical bases through. */
		if (illegal[i].index == 0xc0000102 ||
		    illegal[i].index == 0xc0000082)
			continue;
		EXPECT_EQ(KVM_EXIT_IO, access_msr(&self->guest, true,
						  illegal[i].index, &value)) {
			TH_LOG("%s", illegal[i].name);
		}
		EXPECT_EQ(13, value) TH_LOG("%s", illegal[i].name);
	}
}

TEST_F(msrs, unknown_msr_faults_on_read)
{
	uint64_t value = 0;

	ASSERT_EQ(KVM_EXIT_IO, access_msr(&self->guest, false, 0xdeadbeef,
					  &value));
	ASSERT_EQ(LODGE_GUEST_TRAP_PORT, self->vcpu->run->io.port);
	ASSERT_EQ(13, value);
	ASSERT_EQ(0, lodge_vcpu_get_msr(self->vcpu, 0xdeadbeef, &value));
}

TEST_F(msrs, a_refusal_ends_the_list_with_its_place)
{
	struct values v = {
		.head.nmsrs = 3,
		.entry = {
			{ .index = 0xc0000081, .data = 1 },
			{ .index = 0xdeadbeef, .data = 2 },
			{ .index = 0xc0000083, .data = 3 },
		},
	};
	uint64_t value;

	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, 0xc0000083, 0x77));
	ASSERT_EQ(1, lodge_vm_ioctl(self->vcpu->fd, KVM_SET_MSRS, &v));
	ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, 0xc0000081, &value));
	ASSERT_EQ(1, value);
	ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, 0xc0000083, &value));
	ASSERT_EQ(0x77, value);
	ASSERT_EQ(1, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_MSRS, &v));
}

TEST_F(msrs, the_length_is_bounded)
{
	struct values v = { .head.nmsrs = 256 };

	ASSERT_EQ(-E2BIG, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_MSRS, &v));
	v.head.nmsrs = -1;
	ASSERT_EQ(-E2BIG, lodge_vm_ioctl(self->vcpu->fd, KVM_SET_MSRS, &v));
	v.head.nmsrs = 0;
	ASSERT_EQ(0, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_MSRS, &v));
	ASSERT_EQ(-EFAULT, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_MSRS,
					  (void *)8));
}

TEST_F(msrs, machine_check_banks_follow_the_setup)
{
	uint64_t mcg_cap = 0x100 | 10, value;

	ASSERT_EQ(0, lodge_vm_ioctl(self->vcpu->fd, KVM_X86_SETUP_MCE,
				    &mcg_cap));
	ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, 0x179, &value));
	ASSERT_EQ(mcg_cap, value);
	ASSERT_EQ(1, lodge_vcpu_set_msr(self->vcpu, 0x401, 0x123));
	ASSERT_EQ(1, lodge_vcpu_get_msr(self->vcpu, 0x401, &value));
	ASSERT_EQ(0x123, value);
	mcg_cap = 0x100;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vcpu->fd, KVM_X86_SETUP_MCE,
					  &mcg_cap));
	mcg_cap = 0x100 | 33;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vcpu->fd, KVM_X86_SETUP_MCE,
					  &mcg_cap));
	mcg_cap = 10 | 1ULL << 40;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vcpu->fd, KVM_X86_SETUP_MCE,
					  &mcg_cap));
}

LODGE_TEST_MAIN
