// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CHECK_EXTENSION tells the truth: what clients insist on is there, with
 * a value they accept; what is advertised works; everything else is 0.
 */
#include <limits.h>

#include "lodge_test.h"

FIXTURE(caps) {
	int dev;
	struct lodge_vm vm;
	struct lodge_vcpu vcpu;
};

FIXTURE_SETUP(caps)
{
	self->dev = lodge_dev_open();
	lodge_vm_create(&self->vm);
	lodge_vcpu_create(&self->vm, &self->vcpu, 0);
}

FIXTURE_TEARDOWN(caps)
{
	lodge_vcpu_destroy(&self->vcpu);
	lodge_vm_destroy(&self->vm);
	close(self->dev);
}

static int on_dev(int dev, long cap)
{
	return lodge_vm_ioctl(dev, KVM_CHECK_EXTENSION, (void *)cap);
}

/* What QEMU exits without, with the values that it accepts. */
static const struct wanted {
	const char *name;
	int cap, min, max;
} wanted[] = {
#define WANT(name, min, max) { #name, KVM_CAP_##name, min, max }
	WANT(USER_MEMORY, 1, 1),
	WANT(SET_TSS_ADDR, 1, 1),
	WANT(EXT_CPUID, 1, 1),
	WANT(NR_VCPUS, 1, INT_MAX),
	WANT(NR_MEMSLOTS, 32, 32767),
	WANT(MP_STATE, 1, 14),
	WANT(COALESCED_MMIO, 2, 2),	/* page of the ring in the mapping */
	WANT(SYNC_MMU, 1, 1),
	WANT(DESTROY_MEMORY_REGION_WORKS, 1, 1),
	WANT(SET_GUEST_DEBUG, 1, 1),
	WANT(IRQ_ROUTING, 25, 4096),
	WANT(JOIN_MEMORY_REGIONS_WORKS, 1, 1),
	WANT(MCE, 10, 32),
	WANT(IOEVENTFD, 1, 1),
	WANT(SET_IDENTITY_MAP_ADDR, 1, 1),
	WANT(ADJUST_CLOCK, 1, 15),
	WANT(INTERNAL_ERROR_DATA, 1, 1),
	WANT(VCPU_EVENTS, 1, 1),
	WANT(DEBUGREGS, 1, 1),
	WANT(X86_ROBUST_SINGLESTEP, 1, 1),
	WANT(XSAVE, 1, 1),
	WANT(XCRS, 1, 1),
	WANT(GET_TSC_KHZ, 1, 1),
	WANT(MAX_VCPUS, 1, 4096),
	WANT(SYNC_REGS, 7, 7),
	WANT(SIGNAL_MSI, 1, 1),
	WANT(READONLY_MEM, 1, 1),
	WANT(CHECK_EXTENSION_VM, 1, 1),
	WANT(IOEVENTFD_ANY_LENGTH, 1, 1),
	WANT(MAX_VCPU_ID, 1, 16384),
	WANT(IMMEDIATE_EXIT, 1, 1),
	WANT(COALESCED_PIO, 1, 1),
	WANT(SREGS2, 1, 1),
	WANT(BINARY_STATS_FD, 1, 1),
	WANT(XSAVE2, 0x240, 0x10000),
	WANT(SYS_ATTRIBUTES, 1, 1),
};

TEST_F(caps, what_clients_insist_on_is_there)
{
	unsigned int i;

	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		const struct wanted *w = &wanted[i];
		int value = on_dev(self->dev, w->cap);

		EXPECT_TRUE(value >= w->min && value <= w->max) {
			TH_LOG("KVM_CAP_%s is %d, not %d to %d", w->name,
			       value, w->min, w->max);
		}
		EXPECT_EQ(value, lodge_vm_check(&self->vm, w->cap)) {
			TH_LOG("KVM_CAP_%s", w->name);
		}
	}
}

TEST_F(caps, numbers_nobody_has_defined_are_zero)
{
	static const long number[] = {
		5, 13, 17, 18, 19, 20, 300, 1000, INT_MAX, INT_MIN, -1,
	};
	unsigned int i;

	for (i = 0; i < sizeof(number) / sizeof(*number); i++) {
		ASSERT_EQ(0, on_dev(self->dev, number[i])) {
			TH_LOG("%ld", number[i]);
		}
		ASSERT_EQ(0, lodge_vm_check(&self->vm, number[i]));
	}
}

TEST_F(caps, capabilities_of_other_processors_are_zero)
{
	static const int number[] = {
		KVM_CAP_PPC_PAPR, KVM_CAP_S390_UCONTROL, KVM_CAP_ARM_PSCI,
		KVM_CAP_S390_PROTECTED, KVM_CAP_PPC_MMU_RADIX,
		KVM_CAP_ARM_VM_IPA_SIZE, KVM_CAP_MIPS_VZ,
	};
	unsigned int i;

	for (i = 0; i < sizeof(number) / sizeof(*number); i++) {
		ASSERT_EQ(0, on_dev(self->dev, number[i]));
	}
}

/* A call that must succeed if the capability is advertised. */
struct truth {
	const char *name;
	int cap;
	bool on_vcpu;
	unsigned long request;
};

static const struct truth truth[] = {
#define VM_TRUTH(name, request) { #name, KVM_CAP_##name, false, request }
#define VCPU_TRUTH(name, request) { #name, KVM_CAP_##name, true, request }
	VCPU_TRUTH(MP_STATE, KVM_GET_MP_STATE),
	VCPU_TRUTH(VCPU_EVENTS, KVM_GET_VCPU_EVENTS),
	VCPU_TRUTH(DEBUGREGS, KVM_GET_DEBUGREGS),
	VCPU_TRUTH(XSAVE, KVM_GET_XSAVE),
	VCPU_TRUTH(XSAVE2, KVM_GET_XSAVE2),
	VCPU_TRUTH(XCRS, KVM_GET_XCRS),
	VCPU_TRUTH(SREGS2, KVM_GET_SREGS2),
	VCPU_TRUTH(USER_NMI, KVM_NMI),
	VM_TRUTH(ADJUST_CLOCK, KVM_GET_CLOCK),
	VM_TRUTH(IRQCHIP, KVM_CREATE_IRQCHIP),
};

TEST_F(caps, what_is_advertised_works)
{
	static uint64_t buffer[8192];
	unsigned int i;

	for (i = 0; i < sizeof(truth) / sizeof(*truth); i++) {
		const struct truth *t = &truth[i];
		int fd = t->on_vcpu ? self->vcpu.fd : self->vm.fd;
		int ret;

		if (lodge_vm_check(&self->vm, t->cap) <= 0)
			continue;
		/* The controller comes before the vCPUs. */
		if (t->cap == KVM_CAP_IRQCHIP) {
			struct lodge_vm vm;

			lodge_vm_create(&vm);
			fd = vm.fd;
		}
		memset(buffer, 0, sizeof(buffer));
		ret = lodge_vm_ioctl(fd, t->request, buffer);
		EXPECT_EQ(0, ret) TH_LOG("KVM_CAP_%s: %d", t->name, ret);
	}
}

TEST_F(caps, what_is_not_advertised_is_refused)
{
	unsigned int i;

	for (i = 0; i < sizeof(truth) / sizeof(*truth); i++) {
		const struct truth *t = &truth[i];
		int fd = t->on_vcpu ? self->vcpu.fd : self->vm.fd;

		if (lodge_vm_check(&self->vm, t->cap) > 0)
			continue;
		EXPECT_EQ(t->on_vcpu ? -EINVAL : -ENOTTY,
			  lodge_vm_ioctl(fd, t->request, NULL)) {
			TH_LOG("KVM_CAP_%s", t->name);
		}
	}
}

TEST_F(caps, tsc_frequency_works_in_both_places)
{
	ASSERT_LT(0, lodge_vm_ioctl(self->vcpu.fd, KVM_GET_TSC_KHZ, NULL));
	if (lodge_vm_check(&self->vm, KVM_CAP_VM_TSC_CONTROL) > 0) {
		ASSERT_LT(0, lodge_vm_ioctl(self->vm.fd, KVM_GET_TSC_KHZ,
					    NULL));
	}
}

TEST_F(caps, enabling_needs_a_known_capability_and_no_flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_USER_MEMORY };

	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	cap.cap = 0x7fffffff;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
	cap.cap = KVM_CAP_EXCEPTION_PAYLOAD;
	cap.flags = 1;
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->vm.fd, KVM_ENABLE_CAP, &cap));
}

/* No capability may promise dirty tracking, controllers or VM kinds it lacks. */
TEST_F(caps, values_are_within_what_a_client_can_use)
{
	int ring = lodge_vm_check(&self->vm, KVM_CAP_DIRTY_LOG_RING);
	int spaces = lodge_vm_check(&self->vm, KVM_CAP_MULTI_ADDRESS_SPACE);
	int smm = lodge_vm_check(&self->vm, KVM_CAP_X86_SMM);
	int types = lodge_vm_check(&self->vm, KVM_CAP_VM_TYPES);
	int irqchip = lodge_vm_check(&self->vm, KVM_CAP_IRQCHIP);

	ASSERT_TRUE(ring == 0 || (ring >= 4096 && !(ring & (ring - 1))));
	ASSERT_EQ(smm > 0, spaces == 2);
	ASSERT_TRUE(types == 0 || types & 1);
	ASSERT_EQ(irqchip > 0, lodge_vm_check(&self->vm, KVM_CAP_IRQFD) > 0);
}

/*
 * What stock KVM 6.12 advertises on such a processor. Lodge may have less,
 * and what it has must not promise more.
 */
static const struct offered {
	const char *name;
	int cap;
	enum { EXACTLY, UP_TO, BITS_OF, ANYTHING } how;
	int value;
} offered[] = {
#define SAME(name, value) { #name, KVM_CAP_##name, EXACTLY, value }
#define LIMIT(name, value) { #name, KVM_CAP_##name, UP_TO, value }
#define MASK(name, value) { #name, KVM_CAP_##name, BITS_OF, value }
#define ANY(name) { #name, KVM_CAP_##name, ANYTHING, 0 }
	SAME(IRQCHIP, 1),
	SAME(HLT, 1),
	SAME(MMU_SHADOW_CACHE_CONTROL, 1),
	SAME(USER_MEMORY, 1),
	SAME(SET_TSS_ADDR, 1),
	SAME(VAPIC, 1),
	SAME(EXT_CPUID, 1),
	SAME(CLOCKSOURCE, 1),
	ANY(NR_VCPUS),
	LIMIT(NR_MEMSLOTS, 32764),
	SAME(PIT, 1),
	SAME(NOP_IO_DELAY, 1),
	SAME(MP_STATE, 1),
	SAME(COALESCED_MMIO, 2),
	SAME(SYNC_MMU, 1),
	SAME(DESTROY_MEMORY_REGION_WORKS, 1),
	SAME(USER_NMI, 1),
	SAME(SET_GUEST_DEBUG, 1),
	SAME(REINJECT_CONTROL, 1),
	LIMIT(IRQ_ROUTING, 4096),
	SAME(IRQ_INJECT_STATUS, 1),
	SAME(JOIN_MEMORY_REGIONS_WORKS, 1),
	LIMIT(MCE, 32),
	SAME(IRQFD, 1),
	SAME(PIT2, 1),
	SAME(SET_BOOT_CPU_ID, 1),
	SAME(PIT_STATE2, 1),
	SAME(IOEVENTFD, 1),
	SAME(SET_IDENTITY_MAP_ADDR, 1),
	MASK(XEN_HVM, 0x1ff),
	MASK(ADJUST_CLOCK, 0xf),
	SAME(INTERNAL_ERROR_DATA, 1),
	SAME(VCPU_EVENTS, 1),
	SAME(HYPERV, 1),
	SAME(HYPERV_VAPIC, 1),
	SAME(HYPERV_SPIN, 1),
	SAME(PCI_SEGMENT, 1),
	SAME(DEBUGREGS, 1),
	SAME(X86_ROBUST_SINGLESTEP, 1),
	SAME(ENABLE_CAP, 1),
	SAME(XSAVE, 1),
	SAME(XCRS, 1),
	SAME(ASYNC_PF, 1),
	SAME(GET_TSC_KHZ, 1),
	LIMIT(MAX_VCPUS, 4096),
	SAME(TSC_DEADLINE_TIMER, 1),
	MASK(SYNC_REGS, 0x7),
	SAME(KVMCLOCK_CTRL, 1),
	SAME(SIGNAL_MSI, 1),
	SAME(READONLY_MEM, 1),
	SAME(IRQFD_RESAMPLE, 1),
	SAME(DEVICE_CTRL, 1),
	SAME(EXT_EMUL_CPUID, 1),
	SAME(HYPERV_TIME, 1),
	SAME(IOAPIC_POLARITY_IGNORED, 1),
	SAME(ENABLE_CAP_VM, 1),
	SAME(IOEVENTFD_NO_LENGTH, 1),
	SAME(CHECK_EXTENSION_VM, 1),
	SAME(DISABLE_QUIRKS, 1),
	SAME(X86_SMM, 1),
	LIMIT(MULTI_ADDRESS_SPACE, 2),
	SAME(SPLIT_IRQCHIP, 1),
	SAME(IOEVENTFD_ANY_LENGTH, 1),
	SAME(HYPERV_SYNIC, 1),
	SAME(VCPU_ATTRIBUTES, 1),
	LIMIT(MAX_VCPU_ID, 16384),
	MASK(X2APIC_API, 0x3),
	SAME(IMMEDIATE_EXIT, 1),
	MASK(X86_DISABLE_EXITS, 0xf),
	SAME(HYPERV_SYNIC2, 1),
	SAME(HYPERV_VP_INDEX, 1),
	SAME(GET_MSR_FEATURES, 1),
	SAME(HYPERV_EVENTFD, 1),
	SAME(HYPERV_TLBFLUSH, 1),
	ANY(NESTED_STATE),
	SAME(MSR_PLATFORM_INFO, 1),
	SAME(HYPERV_SEND_IPI, 1),
	SAME(COALESCED_PIO, 1),
	SAME(EXCEPTION_PAYLOAD, 1),
	SAME(HYPERV_CPUID, 1),
	MASK(MANUAL_DIRTY_LOG_PROTECT2, 0x3),
	SAME(PMU_EVENT_FILTER, 1),
	SAME(HALT_POLL, 1),
	SAME(ASYNC_PF_INT, 1),
	SAME(LAST_CPU, 1),
	SAME(STEAL_TIME, 1),
	SAME(X86_USER_SPACE_MSR, 1),
	SAME(X86_MSR_FILTER, 1),
	SAME(ENFORCE_PV_FEATURE_CPUID, 1),
	SAME(SYS_HYPERV_CPUID, 1),
	LIMIT(DIRTY_LOG_RING, 1048576),
	MASK(SET_GUEST_DEBUG2, 0x1f0003),
	SAME(SGX_ATTRIBUTE, 1),
	SAME(VM_COPY_ENC_CONTEXT_FROM, 1),
	SAME(HYPERV_ENFORCE_CPUID, 1),
	SAME(SREGS2, 1),
	MASK(EXIT_HYPERCALL, 0x1000),
	SAME(BINARY_STATS_FD, 1),
	SAME(EXIT_ON_EMULATION_FAILURE, 1),
	SAME(VM_MOVE_ENC_CONTEXT_FROM, 1),
	ANY(XSAVE2),
	SAME(SYS_ATTRIBUTES, 1),
	MASK(DISABLE_QUIRKS2, 0x7ff),
	SAME(SYSTEM_EVENT_DATA, 1),
	SAME(X86_TRIPLE_FAULT_EVENT, 1),
	SAME(VM_DISABLE_NX_HUGE_PAGES, 1),
	LIMIT(DIRTY_LOG_RING_ACQ_REL, 1048576),
	SAME(PMU_EVENT_MASKED_EVENTS, 1),
	SAME(USER_MEMORY2, 1),
	SAME(MEMORY_FAULT_INFO, 1),
	ANY(MEMORY_ATTRIBUTES),
	SAME(GUEST_MEMFD, 1),
	SAME(VM_TYPES, 1),
	MASK(PRE_FAULT_MEMORY, 0x1),
	SAME(X86_APIC_BUS_CYCLES_NS, 1),
	SAME(X86_GUEST_MODE, 1),
};

static const struct offered *find_offered(int cap)
{
	unsigned int i;

	for (i = 0; i < sizeof(offered) / sizeof(*offered); i++)
		if (offered[i].cap == cap)
			return &offered[i];
	return NULL;
}

static bool is_within(const struct offered *o, int value)
{
	switch (o->how) {
	case EXACTLY:
		return value == o->value;
	case UP_TO:
		return value > 0 && value <= o->value;
	case BITS_OF:
		return value > 0 && !(value & ~o->value);
	default:
		return value > 0;
	}
}

TEST_F(caps, nothing_is_advertised_that_stock_kvm_has_not)
{
	int cap;

	if (!lodge_dev_is_lodge())
		SKIP(return, "this is what stock KVM is the measure of");
	for (cap = 0; cap < 1024; cap++) {
		int value = lodge_vm_check(&self->vm, cap);
		const struct offered *o = find_offered(cap);

		if (!value)
			continue;
		EXPECT_NE(NULL, o) {
			TH_LOG("capability %d is %d", cap, value);
		}
		EXPECT_TRUE(o && is_within(o, value)) {
			TH_LOG("KVM_CAP_%s is %d", o ? o->name : "?", value);
		}
	}
}

LODGE_TEST_MAIN
