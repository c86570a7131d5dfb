# SPDX-License-Identifier: GPL-2.0
#
# A front for Kbuild and scripts/. "make help" lists what it can do.

KDIR ?= /lib/modules/$(shell uname -r)/build
DESTDIR ?=
UDEV_RULES ?= $(DESTDIR)/lib/udev/rules.d
OUT ?= $(CURDIR)/build

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)

.PHONY: module install uninstall clean unit selftests check demo help

module:
	@test -e $(KDIR)/Makefile || { \
		echo "no kernel headers in $(KDIR): install linux-headers-$$(uname -r), or give KDIR=" >&2; \
		exit 1; }
	$(kbuild) modules

install: module
	$(kbuild) modules_install $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR))
	install -D -m 0644 scripts/packaging/60-lodge.rules $(UDEV_RULES)/60-lodge.rules

uninstall:
	rm -f $(DESTDIR)/lib/modules/*/updates/lodge.ko* $(UDEV_RULES)/60-lodge.rules

clean:
	$(kbuild) clean
	rm -rf $(OUT)

unit:
	$(MAKE) -C selftests/unit OUT=$(OUT)/unit check

selftests:
	$(MAKE) -C selftests OUT=$(OUT)/selftests all

check demo:
	scripts/$@

help:
	@echo 'make             lodge.ko for the running kernel'
	@echo 'make install     lodge.ko into /lib/modules, and the udev rule for /dev/lodge'
	@echo 'make uninstall   takes both away'
	@echo 'make clean       removes what make left in the tree'
	@echo 'make unit        builds and runs the unit tests, which need no kernel'
	@echo 'make selftests   builds the programs that test /dev/lodge'
	@echo 'make check       everything CI runs, in virtual hosts (scripts/check --help)'
	@echo 'make demo        a Linux guest on lodge.ko in a virtual host (scripts/demo --help)'
	@echo
	@echo '  KDIR=DIR       headers or build tree of another kernel'
	@echo '  W=1 C=1 V=1    more warnings, sparse, commands shown'
	@echo '  OUT=DIR        where unit and selftests put their programs (build)'
	@echo '  DESTDIR=DIR    root of what install and uninstall change'
