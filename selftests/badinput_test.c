// SPDX-License-Identifier: GPL-2.0
/*
 * The table of wrong arguments: for every ioctl what is wrong and which error
 * says so. The table is proven by running it on stock KVM as well.
 *
 * A row whose ioctl depends on a capability is checked only where that is
 * advertised; elsewhere the ioctl must be unknown, as any unused number is on
 * that file. After each row the vCPU's state must be what it was.
 */
#include "lodge_test.h"

enum kind { ON_DEV, ON_VM, ON_VCPU };

struct row {
	const char *ioctl;
	enum kind kind;
	unsigned long request;
	const char *what;
	const void *arg;
	int error;
	int cap;	/* needed, or -1 */
};

#define ROW(kind, name, what, arg, error) \
	{ #name, kind, KVM_##name, what, arg, error, -1 }
#define CAP_ROW(cap, kind, name, what, arg, error) \
	{ #name, kind, KVM_##name, what, arg, error, KVM_CAP_##cap }
#define VALUE(v) ((const void *)(v))
#define PTR(type, ...) (&(struct type){ __VA_ARGS__ })

/* A list head that claims more than follows; the kernel stops at the claim. */
#define COUNT(n) (&(struct { uint32_t n_, pad_; uint64_t rest[64]; }){ .n_ = n })
#define MANY(n) (&(struct { uint32_t n_, pad_; uint64_t rest[4096]; }){ .n_ = n })
#define MCG(v) (&(uint64_t){ v })

#define AREA 0x20000000UL	/* host address that memory rows may name */
#define SLOT(s, f, gpa, size, hva) \
	PTR(kvm_userspace_memory_region, .slot = s, .flags = f, \
	    .guest_phys_addr = gpa, .memory_size = size, \
	    .userspace_addr = hva)
#define SLOT2(s, f, gpa, size, hva, ...) \
	PTR(kvm_userspace_memory_region2, .slot = s, .flags = f, \
	    .guest_phys_addr = gpa, .memory_size = size, \
	    .userspace_addr = hva, ##__VA_ARGS__)

static const struct row dev_rows[] = {
	ROW(ON_DEV, GET_API_VERSION, "argument", VALUE(1), EINVAL),
	ROW(ON_DEV, GET_VCPU_MMAP_SIZE, "argument", VALUE(1), EINVAL),
	ROW(ON_DEV, CREATE_VM, "type 63", VALUE(63), EINVAL),
	ROW(ON_DEV, CREATE_VM, "type 32", VALUE(32), EINVAL),
	ROW(ON_DEV, CREATE_VM, "type 2^31", VALUE(1UL << 31), EINVAL),
	ROW(ON_DEV, CREATE_VM, "type 2^32", VALUE(1UL << 32), EINVAL),
	ROW(ON_DEV, CREATE_VM, "type -1", VALUE(-1L), EINVAL),
	ROW(ON_DEV, GET_SUPPORTED_CPUID, "no entries", COUNT(0), E2BIG),
	ROW(ON_DEV, GET_SUPPORTED_CPUID, "one entry", COUNT(1), E2BIG),
	CAP_ROW(EXT_EMUL_CPUID, ON_DEV, GET_EMULATED_CPUID, "no entries",
		COUNT(0), E2BIG),
	ROW(ON_DEV, GET_MSR_INDEX_LIST, "no entries", COUNT(0), E2BIG),
	ROW(ON_DEV, GET_MSR_INDEX_LIST, "one entry", COUNT(1), E2BIG),
	ROW(ON_DEV, GET_MSR_FEATURE_INDEX_LIST, "no entries", COUNT(0), E2BIG),
	ROW(ON_DEV, GET_MSRS, "256 entries", COUNT(256), E2BIG),
	ROW(ON_DEV, GET_MSRS, "2^32-1 entries", COUNT(-1), E2BIG),
	CAP_ROW(SYS_ATTRIBUTES, ON_DEV, GET_DEVICE_ATTR, "unknown attribute",
		PTR(kvm_device_attr, .attr = 77), ENXIO),
	CAP_ROW(SYS_ATTRIBUTES, ON_DEV, GET_DEVICE_ATTR, "unknown group",
		PTR(kvm_device_attr, .group = 7), ENXIO),
	CAP_ROW(SYS_ATTRIBUTES, ON_DEV, HAS_DEVICE_ATTR, "unknown attribute",
		PTR(kvm_device_attr, .attr = 77), ENXIO),
	CAP_ROW(SYS_ATTRIBUTES, ON_DEV, GET_DEVICE_ATTR, "address 8",
		PTR(kvm_device_attr, .addr = 8), EFAULT),
	ROW(ON_DEV, SET_DEVICE_ATTR, "not on this file",
	    PTR(kvm_device_attr, .attr = 0), EINVAL),
	ROW(ON_DEV, SET_MSRS, "not on this file", COUNT(1), EINVAL),
	ROW(ON_DEV, ENABLE_CAP, "not on this file",
	    PTR(kvm_enable_cap, .cap = KVM_CAP_USER_MEMORY), EINVAL),
	ROW(ON_DEV, GET_STATS_FD, "not on this file", NULL, EINVAL),
};

static const struct row memory_rows[] = {
	ROW(ON_VM, SET_USER_MEMORY_REGION, "flag 2",
	    SLOT(5, 4, 1 << 24, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "flag 31",
	    SLOT(5, 1U << 31, 1 << 24, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "guest address unaligned",
	    SLOT(5, 0, (1 << 24) + 1, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "size unaligned",
	    SLOT(5, 0, 1 << 24, 4095, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "host address unaligned",
	    SLOT(5, 0, 1 << 24, 4096, AREA + 1), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "guest range wraps",
	    SLOT(5, 0, -4096ULL, 8192, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "guest range ends at 2^64",
	    SLOT(5, 0, -4096ULL, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "size 2^63",
	    SLOT(5, 0, 0, 1ULL << 63, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "size -4096",
	    SLOT(5, 0, 1 << 24, -4096ULL, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "more than 2^31 pages",
	    SLOT(5, 0, 1ULL << 32, 1ULL << 43, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "host address of the kernel",
	    SLOT(5, 0, 1 << 24, 4096, 0xffff888000000000), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "host range wraps",
	    SLOT(5, 0, 1 << 24, 8192, -4096ULL), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "slot 0x7fff",
	    SLOT(0x7fff, 0, 1 << 24, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "slot 0xffff",
	    SLOT(0xffff, 0, 1 << 24, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "address space 9",
	    SLOT(9 << 16, 0, 1 << 24, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "address space 0xffff",
	    SLOT(0xffff0000, 0, 1 << 24, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "delete of an empty slot",
	    SLOT(5, 0, 1 << 24, 0, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "overlap",
	    SLOT(5, 0, 0x1000, 4096, AREA), EEXIST),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "overlap from below",
	    SLOT(5, 0, 0x3ff000, 8192, AREA), EEXIST),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "size of a live slot",
	    SLOT(0, 0, 0, 4096, AREA), EINVAL),
	ROW(ON_VM, SET_USER_MEMORY_REGION, "memory of a live slot",
	    SLOT(0, 0, 0, LODGE_GUEST_MEM_SIZE, AREA), EINVAL),
	CAP_ROW(USER_MEMORY2, ON_VM, SET_USER_MEMORY_REGION2, "flag 3",
		SLOT2(5, 8, 1 << 24, 4096, AREA), EINVAL),
	CAP_ROW(USER_MEMORY2, ON_VM, SET_USER_MEMORY_REGION2, "unaligned",
		SLOT2(5, 0, 1 << 24, 1, AREA), EINVAL),
	CAP_ROW(USER_MEMORY2, ON_VM, SET_USER_MEMORY_REGION2, "overlap",
		SLOT2(5, 0, 0x1000, 4096, AREA), EEXIST),
	ROW(ON_VM, GET_DIRTY_LOG, "slot without logging",
	    PTR(kvm_dirty_log, .slot = 0), ENOENT),
	ROW(ON_VM, GET_DIRTY_LOG, "empty slot",
	    PTR(kvm_dirty_log, .slot = 9), ENOENT),
	ROW(ON_VM, GET_DIRTY_LOG, "slot 0x7fff",
	    PTR(kvm_dirty_log, .slot = 0x7fff), EINVAL),
	ROW(ON_VM, GET_DIRTY_LOG, "address space 9",
	    PTR(kvm_dirty_log, .slot = 9 << 16), EINVAL),
	CAP_ROW(MANUAL_DIRTY_LOG_PROTECT2, ON_VM, CLEAR_DIRTY_LOG,
		"slot without logging", PTR(kvm_clear_dirty_log, .slot = 0),
		ENOENT),
	CAP_ROW(MANUAL_DIRTY_LOG_PROTECT2, ON_VM, CLEAR_DIRTY_LOG,
		"first page 1", PTR(kvm_clear_dirty_log, .first_page = 1),
		EINVAL),
	CAP_ROW(MANUAL_DIRTY_LOG_PROTECT2, ON_VM, CLEAR_DIRTY_LOG,
		"slot 0x7fff", PTR(kvm_clear_dirty_log, .slot = 0x7fff),
		EINVAL),
	CAP_ROW(DIRTY_LOG_RING, ON_VM, RESET_DIRTY_RINGS, "ring off", NULL,
		EINVAL),
};

#define EV(...) PTR(kvm_ioeventfd, __VA_ARGS__)
#define ZONE(...) PTR(kvm_coalesced_mmio_zone, __VA_ARGS__)
#define ENABLE(...) PTR(kvm_enable_cap, __VA_ARGS__)

static const struct row vm_rows[] = {
	ROW(ON_VM, CREATE_VCPU, "number in use", VALUE(0), EEXIST),
	ROW(ON_VM, CREATE_VCPU, "number 2^31", VALUE(1UL << 31), EINVAL),
	ROW(ON_VM, CREATE_VCPU, "number -1", VALUE(-1L), EINVAL),
	ROW(ON_VM, CREATE_VCPU, "number 16384", VALUE(16384), EINVAL),
	ROW(ON_VM, IOEVENTFD, "length 3", EV(.len = 3, .fd = 0), EINVAL),
	ROW(ON_VM, IOEVENTFD, "length 16", EV(.len = 16, .fd = 0), EINVAL),
	ROW(ON_VM, IOEVENTFD, "length 2^31", EV(.len = 1U << 31), EINVAL),
	ROW(ON_VM, IOEVENTFD, "range wraps",
	    EV(.len = 8, .addr = -4ULL, .fd = 0), EINVAL),
	ROW(ON_VM, IOEVENTFD, "flag 4", EV(.len = 4, .flags = 1 << 4), EINVAL),
	ROW(ON_VM, IOEVENTFD, "flag 31", EV(.len = 4, .flags = 1U << 31),
	    EINVAL),
	ROW(ON_VM, IOEVENTFD, "match without length",
	    EV(.flags = KVM_IOEVENTFD_FLAG_DATAMATCH), EINVAL),
	ROW(ON_VM, IOEVENTFD, "descriptor -1", EV(.len = 4, .fd = -1), EBADF),
	ROW(ON_VM, IOEVENTFD, "not an eventfd", EV(.len = 4, .fd = 2), EINVAL),
	ROW(ON_VM, IOEVENTFD, "removal with descriptor -1",
	    EV(.len = 4, .fd = -1, .flags = KVM_IOEVENTFD_FLAG_DEASSIGN),
	    EBADF),
	ROW(ON_VM, REGISTER_COALESCED_MMIO, "kind 2", ZONE(.size = 4, .pio = 2),
	    EINVAL),
	ROW(ON_VM, UNREGISTER_COALESCED_MMIO, "kind 2^31",
	    ZONE(.size = 4, .pio = 1U << 31), EINVAL),
	ROW(ON_VM, SET_TSS_ADDR, "end of the 32-bit space",
	    VALUE(0xfffffffful), EINVAL),
	ROW(ON_VM, SET_TSS_ADDR, "beyond 32 bits", VALUE(1UL << 32), EINVAL),
	ROW(ON_VM, SET_IDENTITY_MAP_ADDR, "after a vCPU", MCG(0), EINVAL),
	ROW(ON_VM, SET_CLOCK, "flag 0", PTR(kvm_clock_data, .flags = 1),
	    EINVAL),
	ROW(ON_VM, SET_CLOCK, "flag 31", PTR(kvm_clock_data, .flags = 1U << 31),
	    EINVAL),
	ROW(ON_VM, ENABLE_CAP, "unknown", ENABLE(.cap = 0x7fffffff), EINVAL),
	ROW(ON_VM, ENABLE_CAP, "nothing to enable",
	    ENABLE(.cap = KVM_CAP_USER_MEMORY), EINVAL),
	ROW(ON_VM, ENABLE_CAP, "flags",
	    ENABLE(.cap = KVM_CAP_EXCEPTION_PAYLOAD, .flags = 1), EINVAL),
	CAP_ROW(DIRTY_LOG_RING, ON_VM, ENABLE_CAP, "ring of 5 bytes",
		ENABLE(.cap = KVM_CAP_DIRTY_LOG_RING, .args[0] = 5), EINVAL),
	CAP_ROW(DIRTY_LOG_RING, ON_VM, ENABLE_CAP, "ring of 2 GiB",
		ENABLE(.cap = KVM_CAP_DIRTY_LOG_RING, .args[0] = 1U << 31),
		E2BIG),
	CAP_ROW(MANUAL_DIRTY_LOG_PROTECT2, ON_VM, ENABLE_CAP, "manual mode 2",
		ENABLE(.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args[0] = 2),
		EINVAL),
	CAP_ROW(MANUAL_DIRTY_LOG_PROTECT2, ON_VM, ENABLE_CAP, "manual mode 8",
		ENABLE(.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args[0] = 8),
		EINVAL),
	CAP_ROW(DISABLE_QUIRKS2, ON_VM, ENABLE_CAP, "unknown quirk",
		ENABLE(.cap = KVM_CAP_DISABLE_QUIRKS2,
		       .args[0] = 1ULL << 63), EINVAL),
	CAP_ROW(X86_USER_SPACE_MSR, ON_VM, ENABLE_CAP, "unknown MSR reason",
		ENABLE(.cap = KVM_CAP_X86_USER_SPACE_MSR, .args[0] = 1 << 9),
		EINVAL),
	CAP_ROW(X86_MSR_FILTER, ON_VM, X86_SET_MSR_FILTER, "flag 1",
		PTR(kvm_msr_filter, .flags = 2), EINVAL),
	ROW(ON_VM, SIGNAL_MSI, "no controller", PTR(kvm_msi, .flags = 0),
	    EINVAL),
	ROW(ON_VM, SIGNAL_MSI, "flags", PTR(kvm_msi, .flags = 1U << 31),
	    EINVAL),
	ROW(ON_VM, SET_GSI_ROUTING, "no controller",
	    PTR(kvm_irq_routing, .nr = 0), EINVAL),
	ROW(ON_VM, SET_GSI_ROUTING, "too many",
	    PTR(kvm_irq_routing, .nr = 4097), EINVAL),
	ROW(ON_VM, SET_GSI_ROUTING, "flags",
	    PTR(kvm_irq_routing, .flags = 1), EINVAL),
	CAP_ROW(IRQCHIP, ON_VM, IRQ_LINE, "no controller",
		PTR(kvm_irq_level, .irq = 1), ENXIO),
	CAP_ROW(IRQCHIP, ON_VM, GET_IRQCHIP, "no controller",
		PTR(kvm_irqchip, .chip_id = 0), ENXIO),
	CAP_ROW(IRQCHIP, ON_VM, CREATE_IRQCHIP, "after a vCPU", NULL, EINVAL),
	CAP_ROW(IRQFD, ON_VM, IRQFD, "no controller",
		PTR(kvm_irqfd, .fd = 0), EINVAL),
	CAP_ROW(DEVICE_CTRL, ON_VM, CREATE_DEVICE, "unknown type",
		PTR(kvm_create_device, .type = 12345), ENODEV),
};

#define EVENTS(...) PTR(kvm_vcpu_events, __VA_ARGS__)
#define XCR(...) PTR(kvm_xcrs, __VA_ARGS__)
#define ATTR(...) PTR(kvm_device_attr, __VA_ARGS__)

static const struct row vcpu_rows[] = {
	ROW(ON_VCPU, RUN, "argument", VALUE(1), EINVAL),
	ROW(ON_VCPU, INTERRUPT, "vector 256", PTR(kvm_interrupt, .irq = 256),
	    EINVAL),
	ROW(ON_VCPU, INTERRUPT, "vector -1", PTR(kvm_interrupt, .irq = -1),
	    EINVAL),
	ROW(ON_VCPU, SET_MP_STATE, "uninitialised",
	    PTR(kvm_mp_state, .mp_state = 1), EINVAL),
	ROW(ON_VCPU, SET_MP_STATE, "halted", PTR(kvm_mp_state, .mp_state = 3),
	    EINVAL),
	ROW(ON_VCPU, SET_MP_STATE, "-1", PTR(kvm_mp_state, .mp_state = -1),
	    EINVAL),
	ROW(ON_VCPU, SET_DEBUGREGS, "flags", PTR(kvm_debugregs, .flags = 1),
	    EINVAL),
	ROW(ON_VCPU, SET_DEBUGREGS, "DR6 bit 32",
	    PTR(kvm_debugregs, .dr6 = 1ULL << 32), EINVAL),
	ROW(ON_VCPU, SET_DEBUGREGS, "DR7 bit 63",
	    PTR(kvm_debugregs, .dr7 = 1ULL << 63), EINVAL),
	ROW(ON_VCPU, SET_VCPU_EVENTS, "flag 31", EVENTS(.flags = 1U << 31),
	    EINVAL),
	ROW(ON_VCPU, SET_VCPU_EVENTS, "exception 32",
	    EVENTS(.exception = { .injected = 1, .nr = 32 }), EINVAL),
	ROW(ON_VCPU, SET_VCPU_EVENTS, "exception 2",
	    EVENTS(.exception = { .injected = 1, .nr = 2 }), EINVAL),
	ROW(ON_VCPU, SET_VCPU_EVENTS, "payload not enabled",
	    EVENTS(.flags = KVM_VCPUEVENT_VALID_PAYLOAD), EINVAL),
	ROW(ON_VCPU, SET_VCPU_EVENTS, "triple fault not enabled",
	    EVENTS(.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT), EINVAL),
	ROW(ON_VCPU, SET_XCRS, "17 registers", XCR(.nr_xcrs = 17), EINVAL),
	ROW(ON_VCPU, SET_XCRS, "flags", XCR(.flags = 1), EINVAL),
	ROW(ON_VCPU, SET_XCRS, "no x87",
	    XCR(.nr_xcrs = 1, .xcrs[0].value = 2), EINVAL),
	ROW(ON_VCPU, SET_XCRS, "AVX without SSE",
	    XCR(.nr_xcrs = 1, .xcrs[0].value = 5), EINVAL),
	ROW(ON_VCPU, SET_XCRS, "bit 63",
	    XCR(.nr_xcrs = 1, .xcrs[0].value = 1ULL << 63 | 3), EINVAL),
	ROW(ON_VCPU, SET_XSAVE, "component 63",
	    PTR(kvm_xsave, .region[6] = 0x1f80, .region[129] = 1U << 31),
	    EINVAL),
	ROW(ON_VCPU, SET_XSAVE, "compacted",
	    PTR(kvm_xsave, .region[6] = 0x1f80, .region[131] = 1U << 31),
	    EINVAL),
	ROW(ON_VCPU, SET_XSAVE, "reserved header bytes",
	    PTR(kvm_xsave, .region[6] = 0x1f80, .region[140] = 1), EINVAL),
	ROW(ON_VCPU, SET_XSAVE, "reserved MXCSR",
	    PTR(kvm_xsave, .region[6] = 0x10000, .region[128] = 3), EINVAL),
	ROW(ON_VCPU, SET_CPUID2, "257 entries", MANY(257), E2BIG),
	ROW(ON_VCPU, SET_CPUID2, "2^32-1 entries", MANY(-1), E2BIG),
	ROW(ON_VCPU, SET_CPUID, "257 entries", MANY(257), E2BIG),
	ROW(ON_VCPU, GET_MSRS, "256 entries", MANY(256), E2BIG),
	ROW(ON_VCPU, SET_MSRS, "256 entries", MANY(256), E2BIG),
	ROW(ON_VCPU, SET_MSRS, "2^32-1 entries", MANY(-1), E2BIG),
	ROW(ON_VCPU, SET_SIGNAL_MASK, "length 0", COUNT(0), EINVAL),
	ROW(ON_VCPU, SET_SIGNAL_MASK, "length 4", COUNT(4), EINVAL),
	ROW(ON_VCPU, SET_SIGNAL_MASK, "length 2^32-1", COUNT(-1), EINVAL),
	ROW(ON_VCPU, X86_SETUP_MCE, "no banks", MCG(0x100), EINVAL),
	ROW(ON_VCPU, X86_SETUP_MCE, "33 banks", MCG(0x121), EINVAL),
	ROW(ON_VCPU, X86_SETUP_MCE, "unknown bit", MCG(1ULL << 50 | 10),
	    EINVAL),
	ROW(ON_VCPU, X86_SET_MCE, "bank 200",
	    PTR(kvm_x86_mce, .bank = 200, .status = 1ULL << 63), EINVAL),
	ROW(ON_VCPU, X86_SET_MCE, "status not valid",
	    PTR(kvm_x86_mce, .bank = 0), EINVAL),
	ROW(ON_VCPU, GET_DEVICE_ATTR, "unknown group", ATTR(.group = 7),
	    ENXIO),
	ROW(ON_VCPU, GET_DEVICE_ATTR, "unknown attribute", ATTR(.attr = 7),
	    ENXIO),
	ROW(ON_VCPU, SET_DEVICE_ATTR, "unknown attribute", ATTR(.attr = 7),
	    ENXIO),
	ROW(ON_VCPU, HAS_DEVICE_ATTR, "unknown attribute", ATTR(.attr = 7),
	    ENXIO),
	ROW(ON_VCPU, GET_DEVICE_ATTR, "address 8", ATTR(.addr = 8), EFAULT),
	ROW(ON_VCPU, SET_DEVICE_ATTR, "address 8", ATTR(.addr = 8), EFAULT),
	ROW(ON_VCPU, ENABLE_CAP, "unknown", ENABLE(.cap = 0x7fffffff), EINVAL),
	ROW(ON_VCPU, ENABLE_CAP, "flags", ENABLE(.cap = 1, .flags = 1),
	    EINVAL),
	ROW(ON_VCPU, KVMCLOCK_CTRL, "no clock page", NULL, EINVAL),
	CAP_ROW(IRQCHIP, ON_VCPU, GET_LAPIC, "no controller",
		PTR(kvm_lapic_state, .regs[0] = 0), EINVAL),
	CAP_ROW(IRQCHIP, ON_VCPU, SET_VAPIC_ADDR, "no controller",
		PTR(kvm_vapic_addr, .vapic_addr = 0), EINVAL),
	CAP_ROW(SREGS2, ON_VCPU, SET_SREGS2, "flag 63",
		PTR(kvm_sregs2, .flags = 1ULL << 63), EINVAL),
	CAP_ROW(SREGS2, ON_VCPU, SET_SREGS2, "pointers outside PAE",
		PTR(kvm_sregs2, .cr0 = 0x10,
		    .flags = KVM_SREGS2_FLAGS_PDPTRS_VALID), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "PG without PE",
	    PTR(kvm_sregs, .cr0 = 0x80000010), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "NW without CD",
	    PTR(kvm_sregs, .cr0 = 0x20000010), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "CR0 bit 32",
	    PTR(kvm_sregs, .cr0 = 1ULL << 32 | 0x10), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "CR4 bit 31",
	    PTR(kvm_sregs, .cr0 = 0x10, .cr4 = 1U << 31), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "CR4 bit 63",
	    PTR(kvm_sregs, .cr0 = 0x10, .cr4 = 1ULL << 63), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "long mode without PAE",
	    PTR(kvm_sregs, .cr0 = 0x80000011, .efer = 0x500), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "LME and PG without LMA",
	    PTR(kvm_sregs, .cr0 = 0x80000011, .cr4 = 0x20, .efer = 0x100),
	    EINVAL),
	ROW(ON_VCPU, SET_SREGS, "LMA without LME",
	    PTR(kvm_sregs, .cr0 = 0x11, .efer = 0x400), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "64-bit code outside long mode",
	    PTR(kvm_sregs, .cr0 = 0x11, .cs.l = 1), EINVAL),
	ROW(ON_VCPU, SET_SREGS, "CR3 beyond the physical space",
	    PTR(kvm_sregs, .cr0 = 0x80000011, .cr4 = 0x20, .efer = 0x500,
		.cr3 = 1ULL << 62), EINVAL),
};

/* Every ioctl that follows a pointer; none may follow a bad one. */
static const struct row pointer_rows[] = {
#define FAULT(kind, name) ROW(kind, name, "address 8", VALUE(8), EFAULT)
#define CAP_FAULT(cap, kind, name) \
	CAP_ROW(cap, kind, name, "address 8", VALUE(8), EFAULT)
	FAULT(ON_DEV, GET_SUPPORTED_CPUID),
	CAP_FAULT(EXT_EMUL_CPUID, ON_DEV, GET_EMULATED_CPUID),
	FAULT(ON_DEV, GET_MSR_INDEX_LIST),
	FAULT(ON_DEV, GET_MSR_FEATURE_INDEX_LIST),
	FAULT(ON_DEV, GET_MSRS),
	FAULT(ON_DEV, X86_GET_MCE_CAP_SUPPORTED),
	CAP_FAULT(SYS_ATTRIBUTES, ON_DEV, GET_DEVICE_ATTR),
	CAP_FAULT(SYS_ATTRIBUTES, ON_DEV, HAS_DEVICE_ATTR),
	FAULT(ON_VM, SET_USER_MEMORY_REGION),
	CAP_FAULT(USER_MEMORY2, ON_VM, SET_USER_MEMORY_REGION2),
	FAULT(ON_VM, GET_DIRTY_LOG),
	CAP_FAULT(MANUAL_DIRTY_LOG_PROTECT2, ON_VM, CLEAR_DIRTY_LOG),
	FAULT(ON_VM, REGISTER_COALESCED_MMIO),
	FAULT(ON_VM, UNREGISTER_COALESCED_MMIO),
	FAULT(ON_VM, IOEVENTFD),
	FAULT(ON_VM, GET_CLOCK),
	FAULT(ON_VM, SET_CLOCK),
	FAULT(ON_VM, ENABLE_CAP),
	FAULT(ON_VM, SIGNAL_MSI),
	FAULT(ON_VM, SET_GSI_ROUTING),
	CAP_FAULT(IRQFD, ON_VM, IRQFD),
	CAP_FAULT(X86_MSR_FILTER, ON_VM, X86_SET_MSR_FILTER),
	CAP_FAULT(DEVICE_CTRL, ON_VM, CREATE_DEVICE),
	FAULT(ON_VCPU, GET_REGS),
	FAULT(ON_VCPU, SET_REGS),
	FAULT(ON_VCPU, GET_SREGS),
	FAULT(ON_VCPU, SET_SREGS),
	CAP_FAULT(SREGS2, ON_VCPU, GET_SREGS2),
	CAP_FAULT(SREGS2, ON_VCPU, SET_SREGS2),
	FAULT(ON_VCPU, GET_FPU),
	FAULT(ON_VCPU, SET_FPU),
	FAULT(ON_VCPU, GET_XSAVE),
	FAULT(ON_VCPU, SET_XSAVE),
	CAP_FAULT(XSAVE2, ON_VCPU, GET_XSAVE2),
	FAULT(ON_VCPU, GET_XCRS),
	FAULT(ON_VCPU, SET_XCRS),
	FAULT(ON_VCPU, GET_DEBUGREGS),
	FAULT(ON_VCPU, SET_DEBUGREGS),
	FAULT(ON_VCPU, GET_VCPU_EVENTS),
	FAULT(ON_VCPU, SET_VCPU_EVENTS),
	FAULT(ON_VCPU, GET_MP_STATE),
	FAULT(ON_VCPU, SET_MP_STATE),
	FAULT(ON_VCPU, GET_MSRS),
	FAULT(ON_VCPU, SET_MSRS),
	FAULT(ON_VCPU, SET_CPUID),
	FAULT(ON_VCPU, SET_CPUID2),
	FAULT(ON_VCPU, GET_CPUID2),
	FAULT(ON_VCPU, SET_SIGNAL_MASK),
	FAULT(ON_VCPU, TRANSLATE),
	FAULT(ON_VCPU, INTERRUPT),
	FAULT(ON_VCPU, SET_GUEST_DEBUG),
	FAULT(ON_VCPU, X86_SETUP_MCE),
	FAULT(ON_VCPU, X86_SET_MCE),
	FAULT(ON_VCPU, ENABLE_CAP),
	FAULT(ON_VCPU, GET_DEVICE_ATTR),
	FAULT(ON_VCPU, SET_DEVICE_ATTR),
	FAULT(ON_VCPU, HAS_DEVICE_ATTR),
	CAP_FAULT(VAPIC, ON_VCPU, TPR_ACCESS_REPORTING),
};

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct kvm_xcrs xcrs;
	struct kvm_xsave xsave;
};

FIXTURE(bad) {
	struct lodge_guest guest;
	int dev;
	struct state before, after;
};

static void take(struct lodge_vcpu *vcpu, struct state *s)
{
	memset(s, 0, sizeof(*s));
	lodge_vcpu_get_regs(vcpu, &s->regs);
	lodge_vcpu_get_sregs(vcpu, &s->sregs);
	ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &s->debug);
	ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &s->events);
	ioctl(vcpu->fd, KVM_GET_MP_STATE, &s->mp);
	ioctl(vcpu->fd, KVM_GET_XCRS, &s->xcrs);
	ioctl(vcpu->fd, KVM_GET_XSAVE, &s->xsave);
}

FIXTURE_SETUP(bad)
{
	lodge_guest_setup(&self->guest);
	self->dev = lodge_dev_open();
	take(&self->guest.vcpu, &self->before);
}

FIXTURE_TEARDOWN(bad)
{
	lodge_guest_teardown(&self->guest);
	close(self->dev);
}

static int unknown(enum kind kind)
{
	return kind == ON_VM ? ENOTTY : EINVAL;
}

static int file_of(struct lodge_guest *guest, int dev, enum kind kind)
{
	return kind == ON_DEV ? dev : kind == ON_VM ? guest->vm.fd :
	       guest->vcpu.fd;
}

/* An optional KVM_ENABLE_CAP is refused as unknown, not an unknown ioctl. */
static int wanted(struct lodge_guest *guest, const struct row *row)
{
	if (row->cap < 0 || lodge_vm_check(&guest->vm, row->cap) > 0)
		return row->error;
	return row->request == KVM_ENABLE_CAP ? EINVAL : unknown(row->kind);
}

static void run_rows(struct __test_metadata *_metadata,
		     struct lodge_guest *guest, int dev,
		     struct state *before, struct state *after,
		     const struct row *row, unsigned int count)
{
	for (; count--; row++) {
		int ret = lodge_vm_ioctl(file_of(guest, dev, row->kind),
					 row->request, (void *)row->arg);

		EXPECT_EQ(-wanted(guest, row), ret) {
			TH_LOG("%s: %s", row->ioctl, row->what);
		}
		take(&guest->vcpu, after);
		EXPECT_EQ(0, memcmp(before, after, sizeof(*before))) {
			TH_LOG("%s: %s: changed the vCPU", row->ioctl,
			       row->what);
			*before = *after;
		}
	}
}

#define RUN(rows) \
	run_rows(_metadata, &self->guest, self->dev, &self->before, \
		 &self->after, rows, sizeof(rows) / sizeof(*rows))

TEST_F(bad, device)
{
	RUN(dev_rows);
}

TEST_F(bad, memory)
{
	RUN(memory_rows);
}

TEST_F(bad, vm)
{
	RUN(vm_rows);
}

TEST_F(bad, vcpu)
{
	RUN(vcpu_rows);
}

TEST_F(bad, pointers)
{
	RUN(pointer_rows);
}

/* Arguments that end where the memory ends. */
TEST_F(bad, arguments_cut_off_by_the_end_of_memory)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	ASSERT_EQ(0, munmap(page + 4096, 4096));
	for (i = 0; i < sizeof(pointer_rows) / sizeof(*pointer_rows); i++) {
		const struct row *row = &pointer_rows[i];
		int fd = file_of(&self->guest, self->dev, row->kind);
		int ret;

		/* A list's head fits: its length then decides. */
		if (_IOC_SIZE(row->request) <= 8)
			continue;
		memset(page, 0, 4096);
		ret = lodge_vm_ioctl(fd, row->request, page + 4096 - 8);
		EXPECT_EQ(row->cap < 0 ||
			  lodge_vm_check(&self->guest.vm, row->cap) > 0 ?
			  -EFAULT : -wanted(&self->guest, row), ret) {
			TH_LOG("%s", row->ioctl);
		}
	}
	take(&self->guest.vcpu, &self->after);
	ASSERT_EQ(0, memcmp(&self->before, &self->after,
			    sizeof(self->before)));
}

TEST_F(bad, results_into_memory_that_cannot_be_written)
{
	char *page = mmap(NULL, 3 * 4096, PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	for (i = 0; i < sizeof(pointer_rows) / sizeof(*pointer_rows); i++) {
		const struct row *row = &pointer_rows[i];
		int fd = file_of(&self->guest, self->dev, row->kind);

		/* Only what is read, not what reads as well. */
		if (_IOC_DIR(row->request) != _IOC_READ ||
		    wanted(&self->guest, row) != EFAULT)
			continue;
		EXPECT_EQ(-EFAULT, lodge_vm_ioctl(fd, row->request, page)) {
			TH_LOG("%s", row->ioctl);
		}
	}
}

TEST_F(bad, closed_and_foreign_descriptors)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned int i;

	for (i = 0; i < sizeof(pointer_rows) / sizeof(*pointer_rows); i++) {
		ASSERT_EQ(-EBADF, lodge_vm_ioctl(12345,
						 pointer_rows[i].request,
						 NULL));
		ASSERT_EQ(-ENOTTY, lodge_vm_ioctl(null,
						  pointer_rows[i].request,
						  NULL));
	}
}

/* Numbers that nobody uses, and used ones with a wrong size in them. */
TEST_F(bad, unknown_numbers)
{
	struct kvm_regs regs;
	unsigned int nr;

	for (nr = 0xf0; nr < 0x100; nr++) {
		unsigned long request = _IOWR(KVMIO, nr, uint64_t);

		ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->dev, request, &regs));
		ASSERT_EQ(-ENOTTY, lodge_vm_ioctl(self->guest.vm.fd, request,
						  &regs));
		ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->guest.vcpu.fd, request,
						  &regs));
	}
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->guest.vcpu.fd,
					  _IOR(KVMIO, 0x81, uint64_t), &regs));
	ASSERT_EQ(-EINVAL, lodge_vm_ioctl(self->guest.vcpu.fd,
					  _IO(KVMIO, 0x82), &regs));
}

/* Noise as an argument: any answer, but no harm; the vCPU still runs. */
TEST_F(bad, noise)
{
	struct lodge_guest other;
	unsigned int seed = 11, i, round, j;
	uint32_t *noise = malloc(65536);

	for (round = 0; round < 40; round++)
		for (i = 0; i < sizeof(pointer_rows) / sizeof(*pointer_rows);
		     i++) {
			const struct row *row = &pointer_rows[i];

			/* Memory rows could name any of this process's. */
			if (row->request == KVM_SET_USER_MEMORY_REGION ||
			    row->request == KVM_SET_USER_MEMORY_REGION2 ||
			    row->request == KVM_GET_DIRTY_LOG)
				continue;
			for (j = 0; j < 16384; j++)
				noise[j] = rand_r(&seed) &
					   (round % 3 ? rand_r(&seed) : -1);
			lodge_vm_ioctl(file_of(&self->guest, self->dev,
					       row->kind),
				       row->request, noise);
			if (round % 8 == 0) {
				self->guest.vcpu.run->immediate_exit = i & 1;
				alarm(20);
				lodge_host_catch(SIGALRM);
				if (i & 1)
					lodge_vm_ioctl(self->guest.vcpu.fd,
						       KVM_RUN, NULL);
			}
		}
	lodge_guest_setup(&other);
	other.vm.mem[LODGE_GUEST_CODE] = 0xf4;
	lodge_guest_long(&other.vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_expect(&other.vcpu, KVM_EXIT_HLT);
}

LODGE_TEST_MAIN
