// Flash controller of the STM32F7 (RM 3): key sequence, sector erase by table, programming that can
// only clear bits.
#include <string.h>

#include "board.h"

enum { ACR = 0x00, KEYR = 0x04, OPTKEYR = 0x08, SR = 0x0c, CR = 0x10, OPTCR = 0x14 };
enum {
  KEY1 = 0x45670123,
  KEY2 = (int)0xcdef89abu,
  CR_PG = 1 << 0,
  CR_SER = 1 << 1,
  CR_MER = 1 << 2,
  CR_STRT = 1 << 16,
  CR_EOPIE = 1 << 24,
  CR_LOCK = (int)(1u << 31),
  SR_EOP = 1 << 0,
  SR_WRPERR = 1 << 4,
  SR_PGAERR = 1 << 5,
  SR_PGPERR = 1 << 6,
  SR_ERSERR = 1 << 7,
  SR_CLEARABLE = 0xf3,
};
enum { KEYS_NONE = 0, KEYS_FIRST = 1, KEYS_BROKEN = 2 };  // broken: locked until reset (RM 3.3.5)

void flash_reset(Board *board) {
  FlashController *flash = &board->flash;
  flash->keys_seen = KEYS_NONE;
  flash->cr = (uint32_t)CR_LOCK;
  flash->sr = 0;
  flash->acr = 0;
  flash->optcr = 0xc0ffaafdu;
}

int board_set_flash(Board *board, uint32_t base, const uint32_t *sector_sizes, uint32_t count) {
  if (count > MAX_SECTORS) return NEVER;
  FlashController *flash = &board->flash;
  flash->base = base;
  flash->size = 0;
  flash->sector_count = count;
  for (uint32_t i = 0; i < count; i++) {
    flash->sector_sizes[i] = sector_sizes[i];
    flash->size += sector_sizes[i];
  }
  flash->host = memory_at(board, base, flash->size);
  return flash->host ? UC_ERR_OK : NEVER;
}

static bool is_locked(const FlashController *flash) {
  return flash->cr & (uint32_t)CR_LOCK;
}

// A store to flash memory. True: the controller took care of it, the store itself is void.
bool flash_program(Board *board, uint32_t address, uint64_t value, uint32_t size) {
  FlashController *flash = &board->flash;
  const uint32_t offset = address - flash->base;
  if (!flash->host || offset >= flash->size) return false;
  if (is_locked(flash)) return false;  // bus fault
  if (!(flash->cr & CR_PG)) {
    flash->sr |= SR_ERSERR;
    return true;
  }
  if (size != 1u << (flash->cr >> 8 & 3)) {  // PSIZE must be the width of the access
    flash->sr |= SR_PGPERR;
    return true;
  }
  for (uint32_t i = 0; i < size; i++) flash->host[offset + i] &= (uint8_t)(value >> (8 * i));
  board->control.flash_words++;
  flash->changed = true;
  if (flash->cr & CR_EOPIE) flash->sr |= SR_EOP;
  return true;
}

static void erase_sector(Board *board, uint32_t sector) {
  FlashController *flash = &board->flash;
  if (sector >= flash->sector_count) {
    flash->sr |= SR_PGAERR;
    return;
  }
  uint32_t offset = 0;
  for (uint32_t i = 0; i < sector; i++) offset += flash->sector_sizes[i];
  memset(flash->host + offset, 0xff, flash->sector_sizes[sector]);
  board->control.flash_erases++;
}

static void start_erase(Board *board) {
  FlashController *flash = &board->flash;
  if (flash->cr & CR_MER) {
    for (uint32_t i = 0; i < flash->sector_count; i++) erase_sector(board, i);
  } else if (flash->cr & CR_SER) {
    erase_sector(board, flash->cr >> 3 & 0xf);
  }
  flash->changed = true;
  flash->sr |= SR_EOP;
}

uint32_t flash_read(Board *board, uint32_t offset) {
  switch (offset) {
    case ACR:
      return board->flash.acr;
    case SR:
      return board->flash.sr;
    case CR:
      return board->flash.cr;
    case OPTCR:
      return board->flash.optcr;
    default:
      return 0;
  }
}

static void write_key(FlashController *flash, uint32_t key) {
  if (key == KEY1 && flash->keys_seen == KEYS_NONE) {
    flash->keys_seen = KEYS_FIRST;
  } else if (key == (uint32_t)KEY2 && flash->keys_seen == KEYS_FIRST) {
    flash->keys_seen = KEYS_NONE;
    flash->cr &= ~(uint32_t)CR_LOCK;
  } else {
    flash->keys_seen = KEYS_BROKEN;
  }
}

void flash_write(Board *board, uint32_t offset, uint32_t value) {
  FlashController *flash = &board->flash;
  switch (offset) {
    case ACR:
      flash->acr = value;
      strict_check_clocks(board);
      break;
    case KEYR:
      write_key(flash, value);
      break;
    case SR:
      flash->sr &= ~(value & SR_CLEARABLE);
      break;
    case CR:
      if (is_locked(flash)) break;
      flash->cr = value & ~(uint32_t)CR_STRT;
      if (value & CR_STRT) start_erase(board);
      break;
  }
}
