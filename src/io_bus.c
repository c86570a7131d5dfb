// SPDX-License-Identifier: GPL-2.0
/*
 * I/O buses: which kernel device takes a guest's port or MMIO access.
 */
#include <linux/errno.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "io_bus.h"
#include "vcpu.h"
#include "vm.h"

/* As many devices on a bus as KVM has, those not counted aside. */
#define MAX_COUNTED	1000

/**
 * struct lodge_io_range - one device's place on a bus
 * @addr:  first address
 * @len:   bytes, 0: accesses of any length at exactly @addr
 * @reach: last address that this entry or any before it covers
 * @dev:   NULL once the device is gone
 */
struct lodge_io_range {
	gpa_t addr;
	u64 len;
	gpa_t reach;
	struct lodge_io_device *dev;
};

/* Sorted by address; at one address the newest comes first. */
struct lodge_io_bus {
	struct rcu_head rcu;
	unsigned int nr;
	struct lodge_io_range range[];
};

static struct lodge_io_bus *locked_bus(struct lodge_vm *vm, enum lodge_bus bus)
{
	return rcu_dereference_protected(vm->buses[bus], lockdep_is_held(&vm->slots_lock));
}

/* Last address of a range, which does not wrap. */
static gpa_t range_last(gpa_t addr, u64 len)
{
	gpa_t last = addr + (len ? len - 1 : 0);

	return last < addr ? ~(gpa_t)0 : last;
}

/* Is the whole access inside? The range begins at or below @addr. */
static bool range_takes(const struct lodge_io_range *range, gpa_t addr, unsigned int len)
{
	gpa_t last = range_last(range->addr, range->len);

	if (!range->len)
		return addr == range->addr;
	return addr <= last && (!len || len - 1 <= last - addr);
}

/* Number of ranges that begin at or below @addr. */
static unsigned int ranges_up_to(const struct lodge_io_bus *bus, gpa_t addr)
{
	unsigned int low = 0, high = bus->nr;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (bus->range[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The next device that takes the access, going down from range @i; *@i is left on it. NULL: no more. */
static struct lodge_io_device *next_taker(const struct lodge_io_bus *bus, unsigned int *i, gpa_t addr,
					  unsigned int len)
{
	while (*i && bus->range[*i - 1].reach >= addr) {
		const struct lodge_io_range *range = &bus->range[--*i];
		struct lodge_io_device *dev = READ_ONCE(range->dev);

		if (dev && range_takes(range, addr, len))
			return dev;
	}
	return NULL;
}

/**
 * lodge_io_bus_write() - offer a guest's write to the kernel's devices
 * @vcpu: the vCPU
 * @bus: which bus
 * @addr: address or port
 * @len: bytes
 * @val: what is written
 *
 * Context: VM's SRCU held; any, interrupts may be off.
 * Return: 0 if a device took it, else -EOPNOTSUPP.
 */
int lodge_io_bus_write(struct lodge_vcpu *vcpu, enum lodge_bus bus, gpa_t addr, unsigned int len, const void *val)
{
	const struct lodge_io_bus *b = srcu_dereference(vcpu->vm->buses[bus], &vcpu->vm->srcu);
	struct lodge_io_device *dev;
	unsigned int i;

	if (!b)
		return -EOPNOTSUPP;
	i = ranges_up_to(b, addr);
	while ((dev = next_taker(b, &i, addr, len)))
		if (dev->ops->write && !dev->ops->write(vcpu, dev, addr, len, val))
			return 0;
	return -EOPNOTSUPP;
}

/**
 * lodge_io_bus_read() - offer a guest's read to the kernel's devices
 * @vcpu: the vCPU
 * @bus: which bus
 * @addr: address or port
 * @len: bytes
 * @val: where the answer goes
 *
 * Context: VM's SRCU held; any, interrupts may be off.
 * Return: 0 if a device took it, else -EOPNOTSUPP.
 */
int lodge_io_bus_read(struct lodge_vcpu *vcpu, enum lodge_bus bus, gpa_t addr, unsigned int len, void *val)
{
	const struct lodge_io_bus *b = srcu_dereference(vcpu->vm->buses[bus], &vcpu->vm->srcu);
	struct lodge_io_device *dev;
	unsigned int i;

	if (!b)
		return -EOPNOTSUPP;
	i = ranges_up_to(b, addr);
	while ((dev = next_taker(b, &i, addr, len)))
		if (dev->ops->read && !dev->ops->read(vcpu, dev, addr, len, val))
			return 0;
	return -EOPNOTSUPP;
}

static void free_bus(struct rcu_head *rcu)
{
	kvfree(container_of(rcu, struct lodge_io_bus, rcu));
}

static void append_range(struct lodge_io_bus *bus, gpa_t addr, u64 len, struct lodge_io_device *dev)
{
	struct lodge_io_range *range = &bus->range[bus->nr++];

	range->addr = addr;
	range->len = len;
	range->dev = dev;
	range->reach = range_last(addr, len);
	if (range != bus->range)
		range->reach = max(range->reach, range[-1].reach);
}

/* @old without its empty entries, and with @dev. */
static void fill_bus(struct lodge_io_bus *new, const struct lodge_io_bus *old, gpa_t addr, u64 len,
		     struct lodge_io_device *dev)
{
	const struct lodge_io_range *range;
	unsigned int i;

	for (i = 0; old && i < old->nr; i++) {
		range = &old->range[i];
		if (dev && range->addr >= addr) {
			append_range(new, addr, len, dev);
			dev = NULL;
		}
		if (range->dev)
			append_range(new, range->addr, range->len, range->dev);
	}
	if (dev)
		append_range(new, addr, len, dev);
}

static unsigned int count_devices(const struct lodge_io_bus *bus)
{
	unsigned int i, n = 0;

	for (i = 0; bus && i < bus->nr; i++)
		n += bus->range[i].dev && bus->range[i].dev->ops->counted;
	return n;
}

/**
 * lodge_io_bus_register() - put a device on a bus
 * @vm: the VM
 * @bus: which bus
 * @addr: first address or port
 * @len: bytes; 0 means any length of access at exactly @addr
 * @dev: the device; the bus owns it from now on
 *
 * Context: may sleep; slots lock held.
 * Return: 0; -ENOMEM, -ENOSPC (too many devices): the caller still owns @dev.
 */
int lodge_io_bus_register(struct lodge_vm *vm, enum lodge_bus bus, gpa_t addr, u64 len, struct lodge_io_device *dev)
{
	struct lodge_io_bus *new, *old = locked_bus(vm, bus);

	lockdep_assert_held(&vm->slots_lock);

	if (count_devices(old) >= MAX_COUNTED)
		return -ENOSPC;
	new = kvzalloc(struct_size(new, range, (old ? old->nr : 0) + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;

	fill_bus(new, old, addr, len, dev);
	rcu_assign_pointer(vm->buses[bus], new);
	if (old)
		call_srcu(&vm->srcu, &old->rcu, free_bus);
	return 0;
}

/**
 * lodge_io_bus_unregister() - take a device off its bus and destroy it
 * @vm: the VM
 * @bus: which bus
 * @dev: a device on it
 *
 * Needs no memory, so it cannot fail. Context: may sleep; slots lock held.
 */
void lodge_io_bus_unregister(struct lodge_vm *vm, enum lodge_bus bus, struct lodge_io_device *dev)
{
	struct lodge_io_bus *b = locked_bus(vm, bus);
	unsigned int i;

	lockdep_assert_held(&vm->slots_lock);

	for (i = 0; b && i < b->nr; i++)
		if (b->range[i].dev == dev)
			WRITE_ONCE(b->range[i].dev, NULL);
	synchronize_srcu_expedited(&vm->srcu);
	dev->ops->destroy(dev);
}

static void destroy_bus(struct lodge_io_bus *bus)
{
	unsigned int i;

	for (i = 0; bus && i < bus->nr; i++)
		if (bus->range[i].dev)
			bus->range[i].dev->ops->destroy(bus->range[i].dev);
	kvfree(bus);
}

/**
 * lodge_io_bus_destroy() - destroy all devices of a VM that is going away
 * @vm: the VM; it has no vCPUs any more
 *
 * Context: may sleep.
 */
void lodge_io_bus_destroy(struct lodge_vm *vm)
{
	enum lodge_bus bus;

	for (bus = 0; bus < LODGE_NR_BUSES; bus++)
		destroy_bus(rcu_dereference_protected(vm->buses[bus], true));
}
