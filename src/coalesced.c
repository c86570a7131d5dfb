// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO and PIO: writes that user space need not see at once are
 * collected in a ring that it maps.
 *
 * User space can write to the whole ring page at any time. Both indices are
 * read once, and checked before they are used.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "coalesced.h"
#include "io_bus.h"
#include "vcpu.h"
#include "vm.h"

#define RING_ENTRIES	KVM_COALESCED_MMIO_MAX

struct lodge_coalesced {
	struct lodge_io_device dev;
	struct list_head link;		/* vm->coalesced_zones [S] */
	struct kvm_coalesced_mmio_zone zone;
};

static struct lodge_coalesced *to_coalesced(struct lodge_io_device *dev)
{
	return container_of(dev, struct lodge_coalesced, dev);
}

static bool zone_holds(const struct kvm_coalesced_mmio_zone *zone, gpa_t addr, u32 len)
{
	return addr >= zone->addr && addr - zone->addr <= zone->size && len <= zone->size - (addr - zone->addr);
}

/* False if the ring is full, or user space has put nonsense into it. */
static bool push(struct lodge_vm *vm, const struct kvm_coalesced_mmio *entry)
{
	struct kvm_coalesced_mmio_ring *ring = vm->coalesced_ring;
	u32 last = READ_ONCE(ring->last);
	u32 first = READ_ONCE(ring->first);
	u32 next;

	lockdep_assert_held(&vm->coalesced_lock);

	if (last >= RING_ENTRIES)
		return false;
	next = (last + 1) % RING_ENTRIES;
	if (next == first)
		return false;
	ring->coalesced_mmio[last] = *entry;
	smp_store_release(&ring->last, next);	/* the entry before the index that gives it away */
	return true;
}

static int coalesced_write(struct lodge_vcpu *vcpu, struct lodge_io_device *dev, gpa_t addr, unsigned int len,
			   const void *val)
{
	struct lodge_coalesced *p = to_coalesced(dev);
	struct lodge_vm *vm = vcpu->vm;
	struct kvm_coalesced_mmio entry = { .phys_addr = addr, .len = len, .pio = p->zone.pio };
	unsigned long flags;
	bool done;

	if (len > sizeof(entry.data) || !zone_holds(&p->zone, addr, len))
		return -EOPNOTSUPP;
	memcpy(entry.data, val, len);

	raw_spin_lock_irqsave(&vm->coalesced_lock, flags);
	done = push(vm, &entry);
	raw_spin_unlock_irqrestore(&vm->coalesced_lock, flags);
	return done ? 0 : -EOPNOTSUPP;
}

static void coalesced_destroy(struct lodge_io_device *dev)
{
	struct lodge_coalesced *p = to_coalesced(dev);

	list_del(&p->link);
	kfree(p);
}

static const struct lodge_io_device_ops coalesced_ops = {
	.write = coalesced_write,
	.destroy = coalesced_destroy,
	.counted = true,
};

static enum lodge_bus bus_of(const struct kvm_coalesced_mmio_zone *zone)
{
	return zone->pio ? LODGE_PIO_BUS : LODGE_MMIO_BUS;
}

/**
 * lodge_coalesced_register() - KVM_REGISTER_COALESCED_MMIO
 * @vm: the VM
 * @zone: what user space said
 *
 * Context: may sleep; takes the slots lock.
 * Return: 0; -EINVAL (pio neither 0 nor 1), -ENOSPC, -ENOMEM.
 */
int lodge_coalesced_register(struct lodge_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	struct lodge_coalesced *p;
	int err;

	if (zone->pio > 1)
		return -EINVAL;
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	p->dev.ops = &coalesced_ops;
	p->zone = *zone;

	mutex_lock(&vm->slots_lock);
	err = lodge_io_bus_register(vm, bus_of(zone), zone->addr, zone->size, &p->dev);
	if (!err)
		list_add_tail(&p->link, &vm->coalesced_zones);
	mutex_unlock(&vm->slots_lock);

	if (err)
		kfree(p);
	return err;
}

/**
 * lodge_coalesced_unregister() - KVM_UNREGISTER_COALESCED_MMIO
 * @vm: the VM
 * @zone: every zone that holds this range goes; none may
 *
 * Context: may sleep; takes the slots lock.
 * Return: 0; -EINVAL (pio neither 0 nor 1).
 */
int lodge_coalesced_unregister(struct lodge_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	struct lodge_coalesced *p, *next;

	if (zone->pio > 1)
		return -EINVAL;

	mutex_lock(&vm->slots_lock);
	list_for_each_entry_safe(p, next, &vm->coalesced_zones, link)
		if (p->zone.pio == zone->pio && zone_holds(&p->zone, zone->addr, zone->size))
			lodge_io_bus_unregister(vm, bus_of(zone), &p->dev);
	mutex_unlock(&vm->slots_lock);
	return 0;
}
