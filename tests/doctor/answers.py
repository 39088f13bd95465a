"""Answers of nvidia-smi, cut to what is read of them."""

from cephkit.doctor.nvidia import Smi, SmiCard, read_answer

UUID = "1b724e78-eef5-4163-d43c-e4da15d41176"


def answer(used_mib: int = 900, cuda: str = "13.0", cards: int = 1) -> bytes:
    """A desktop with an 8 GiB card, on which two programs run."""
    card = f"""
    <gpu id="00000000:01:00.0">
      <product_name>NVIDIA GeForce RTX 3070 Ti</product_name>
      <uuid>GPU-{UUID}</uuid>
      <fb_memory_usage>
        <total>8192 MiB</total><reserved>200 MiB</reserved><used>{used_mib - 200} MiB</used>
        <free>{8192 - used_mib} MiB</free>
      </fb_memory_usage>
      <processes>
        <process_info>
          <pid>1432</pid><type>C+G</type>
          <process_name>C:\\Users\\Somebody Real\\AppData\\Local\\game.exe</process_name>
          <used_memory>N/A</used_memory>
        </process_info>
        <process_info>
          <pid>77</pid><type>C</type>
          <process_name>/home/somebody/venv/bin/python3 /home/somebody/train.py --name somebody</process_name>
          <used_memory>400 MiB</used_memory>
        </process_info>
      </processes>
    </gpu>"""
    return f"""<?xml version="1.0" ?>
    <!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
    <nvidia_smi_log>
      <driver_version>581.15</driver_version><cuda_version>{cuda}</cuda_version>
      {card * cards}
    </nvidia_smi_log>""".encode()


def smi(used_mib: int = 900, cuda: str = "13.0") -> Smi:
    """``answer``, read."""
    return read_answer(answer(used_mib, cuda))


def smi_card(used_mib: int = 900) -> SmiCard:
    """The card of ``answer``."""
    return smi(used_mib).cards[0]
