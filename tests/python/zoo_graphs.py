"""Builds the architectures of spandrel with few blocks and random weights, and exports them as ONNX.

Usage: python tests/python/zoo_graphs.py FOLDER [NAME ...]

Each is a table row: where the class is, its arguments, the side of the picture, and whether the export leaves height and
width open. Window transformers are exported at one size, as they are published.
"""
import importlib
import os
import sys
import warnings

CONV, WINDOW, OTHER = "convolutional", "window", "other"
M, X = "spandrel", "spandrel_extra_arches"
# name: (package, module below architectures, class, arguments, side, dynamic, kind)
ZOO = {
    "atd": (M, "ATD.__arch.atd_arch", "ATD", dict(img_size=64, embed_dim=48, depths=(2, 2), num_heads=(4, 4), window_size=16, category_size=128, num_tokens=64, reducted_dim=8, mlp_ratio=1, upscale=2, upsampler="pixelshuffledirect"), 64, False, WINDOW),
    "compact": (M, "Compact.__arch.SRVGG", "SRVGGNetCompact", dict(num_feat=64, num_conv=16, upscale=4), 64, True, CONV),
    "craft": (M, "CRAFT.__arch.CRAFT", "CRAFT", dict(upscale=4, depths=[2, 2], num_heads=[6, 6]), 64, False, WINDOW),
    "dat": (M, "DAT.__arch.DAT", "DAT", dict(img_size=64, embed_dim=60, split_size=[8, 32], depth=[3], num_heads=[6], expansion_factor=2, upscale=2, upsampler="pixelshuffledirect", resi_connection="3conv"), 64, False, WINDOW),
    "dctlsa": (M, "DCTLSA.__arch.dctlsa", "DCTLSA", dict(), 64, False, WINDOW),
    "ditn": (M, "DITN.__arch.DITN_Real", "DITN_Real", dict(ITL_blocks=2, SAL_blocks=2, UFONE_blocks=1), 64, False, WINDOW),
    "dncnn": (M, "DnCNN.__arch.network_dncnn", "DnCNN", dict(nb=17), 64, True, CONV),
    "drct": (M, "DRCT.__arch.drct_arch", "DRCT", dict(depths=(6,), num_heads=(6,), upscale=4, upsampler="pixelshuffle"), 64, False, WINDOW),
    "drunet": (M, "DRUNet.__arch.network_unet", "DRUNet", dict(in_nc=4, out_nc=3, nc=[32, 64, 128, 256], nb=2), 64, True, CONV),
    "esrgan": (M, "ESRGAN.__arch.RRDB", "RRDBNet", dict(num_blocks=2), 64, True, CONV),
    "fbcnn": (M, "FBCNN.__arch.FBCNN", "FBCNN", dict(nb=1), 64, False, CONV),
    "fdat": (M, "FDAT.__arch.fdat", "FDAT", dict(embed_dim=96, num_groups=1, depth_per_group=2, num_heads=3), 64, False, WINDOW),
    "fftformer": (M, "FFTformer.__arch.fftformer_arch", "FFTformer", dict(dim=24, num_blocks=[1, 1, 2], num_refinement_blocks=1), 64, False, OTHER),
    "gfpgan": (M, "GFPGAN.__arch.gfpganv1_clean_arch", "GFPGANv1Clean", dict(), 512, False, OTHER),
    "grl": (M, "GRL.__arch.grl", "GRL", dict(embed_dim=60, upscale=2, upsampler="pixelshuffledirect", depths=[2, 2], num_heads_window=[2, 2], num_heads_stripe=[2, 2], window_size=8, stripe_size=[8, 64], mlp_ratio=2), 64, False, WINDOW),
    "hat": (M, "HAT.__arch.HAT", "HAT", dict(embed_dim=90, depths=(2, 2), num_heads=(6, 6), window_size=16, compress_ratio=3, squeeze_factor=30, upscale=4, upsampler="pixelshuffle", mlp_ratio=2), 64, False, WINDOW),
    "hvicidnet": (M, "HVICIDNet.__arch.cidnet", "CIDNet", dict(), 64, False, OTHER),
    "ipt": (M, "IPT.__arch.ipt", "IPT", dict(n_feats=16, num_heads=4, num_layers=2, scale=[2]), 48, False, OTHER),
    "kbnet_l": (M, "KBNet.__arch.kbnet_l", "KBNet_l", dict(dim=24, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1), 64, False, OTHER),
    "kbnet_s": (M, "KBNet.__arch.kbnet_s", "KBNet_s", dict(width=16, middle_blk_num=1, enc_blk_nums=[1, 1, 1, 1], dec_blk_nums=[1, 1, 1, 1]), 64, False, OTHER),
    "lama": (M, "LaMa.__arch.LaMa", "LaMa", dict(), 64, False, OTHER),
    "mixdehazenet": (M, "MixDehazeNet.__arch.MixDehazeNet", "MixDehazeNet", dict(), 64, False, CONV),
    "mmrealsr": (M, "MMRealSR.__arch.mmrealsr_arch", "MMRRDBNet_test", dict(num_in_ch=3, num_out_ch=3, num_block=2, num_feats=[16, 32, 64, 64]), 64, False, OTHER),
    "moesr": (M, "MoESR.__arch.MoESR", "MoESR", dict(n_blocks=2), 64, True, CONV),
    "mosr": (M, "MoSR.__arch.mosr_arch", "MoSR", dict(n_block=6), 64, True, CONV),
    "mosr_dysample": (M, "MoSR.__arch.mosr_arch", "MoSR", dict(n_block=4, upsampler="dys"), 64, False, OTHER),
    "nafnet": (M, "NAFNet.__arch.NAFNet_arch", "NAFNet", dict(width=32, middle_blk_num=1, enc_blk_nums=[1, 1, 1, 2], dec_blk_nums=[1, 1, 1, 1]), 64, False, OTHER),
    "omnisr": (M, "OmniSR.__arch.OmniSR", "OmniSR", dict(block_num=1, res_num=2), 64, False, WINDOW),
    "plksr": (M, "PLKSR.__arch.PLKSR", "PLKSR", dict(n_blocks=4), 64, True, CONV),
    "rcan": (M, "RCAN.__arch.rcan_arch", "RCAN", dict(n_resgroups=2, n_resblocks=4), 64, True, CONV),
    "realcugan": (M, "RealCUGAN.__arch.upcunet_v3", "UpCunet2x", dict(), 64, False, CONV),
    "realplksr": (M, "PLKSR.__arch.RealPLKSR", "RealPLKSR", dict(n_blocks=4), 64, True, CONV),
    "realplksr_dysample": (M, "PLKSR.__arch.RealPLKSR", "RealPLKSR", dict(n_blocks=4, dysample=True), 64, False, OTHER),
    "restoreformer": (M, "RestoreFormer.__arch.restoreformer_arch", "RestoreFormer", dict(), 512, False, OTHER),
    "retinexformer": (M, "RetinexFormer.__arch.retinexformer_arch", "RetinexFormer", dict(stage=1, num_blocks=[1, 2, 2]), 64, False, OTHER),
    "rgt": (M, "RGT.__arch.rgt", "RGT", dict(embed_dim=60, depth=[2, 2], num_heads=[6, 6], mlp_ratio=2.0, split_size=[8, 32], upscale=2), 64, False, WINDOW),
    "safmn": (M, "SAFMN.__arch.safmn", "SAFMN", dict(dim=36, n_blocks=4), 64, False, CONV),
    "safmn_bcie": (M, "SAFMNBCIE.__arch.safmn_bcie", "SAFMN_BCIE", dict(dim=36, n_blocks=2), 64, False, CONV),
    "scunet": (M, "SCUNet.__arch.SCUNet", "SCUNet", dict(config=[1, 1, 1, 1, 1, 1, 1]), 64, False, WINDOW),
    "seemore": (M, "SeemoRe.__arch.seemore_arch", "SeemoRe", dict(num_experts=3, num_layers=3, embedding_dim=36, lr_space="exp", recursive=2), 64, False, OTHER),
    "span": (M, "SPAN.__arch.span", "SPAN", dict(num_in_ch=3, num_out_ch=3), 64, True, CONV),
    "swiftsrgan": (M, "SwiftSRGAN.__arch.SwiftSRGAN", "Generator", dict(num_blocks=8), 64, True, CONV),
    "swin2sr": (M, "Swin2SR.__arch.Swin2SR", "Swin2SR", dict(embed_dim=60, depths=[2, 2], num_heads=[6, 6], window_size=8, mlp_ratio=2, upscale=2, upsampler="pixelshuffledirect"), 64, False, WINDOW),
    "swinir": (M, "SwinIR.__arch.SwinIR", "SwinIR", dict(embed_dim=60, depths=[2, 2], num_heads=[6, 6], window_size=8, mlp_ratio=2, upscale=2, upsampler="pixelshuffledirect"), 64, False, WINDOW),
    "uformer": (M, "Uformer.__arch.Uformer", "Uformer", dict(img_size=128, embed_dim=16, depths=[1, 1, 1, 1, 1, 1, 1, 1, 1], modulator=True), 128, False, WINDOW),
    "m3snet": (X, "M3SNet.__arch.M3SNet", "M3SNet", dict(width=16, enc_blk_nums=[1, 1, 1, 2]), 64, False, OTHER),
    "mirnet2": (X, "MIRNet2.__arch.mirnet_v2_arch", "MIRNet_v2", dict(n_feat=32, n_MRB=1), 64, False, CONV),
    "mprnet": (X, "MPRNet.__arch.MPRNet", "MPRNet", dict(n_feat=24, scale_unetfeats=12, scale_orsnetfeats=8, num_cab=2), 64, False, CONV),
    "restormer": (X, "Restormer.__arch.restormer_arch", "Restormer", dict(dim=24, num_blocks=[1, 1, 1, 2], num_refinement_blocks=1), 64, False, OTHER),
    "srformer": (X, "SRFormer.__arch.SRFormer", "SRFormer", dict(embed_dim=60, depths=(2, 2), num_heads=(6, 6), window_size=16, mlp_ratio=2, upscale=2, upsampler="pixelshuffledirect"), 64, False, WINDOW),
}


def build(name):
    """The network with random weights, none of them trivially 0 or 1."""
    import torch

    package, module, cls, arguments, *_ = ZOO[name]
    torch.manual_seed(sum(name.encode()))
    network = getattr(importlib.import_module(f"{package}.architectures.{module}"), cls)(**arguments).eval()
    with torch.no_grad():
        for key, weight in network.named_parameters():
            if weight.dtype.is_floating_point and weight.std() == 0 or weight.numel() == 1:
                weight += 0.02 * torch.randn_like(weight)
    return network


def export(name, path):
    """Writes the network as ONNX."""
    import torch

    _, _, _, arguments, side, dynamic, _ = ZOO[name]
    channels = arguments.get("in_nc", arguments.get("num_in_ch", 1 if name == "dncnn" else 3))
    x = torch.rand(1, channels, side, side)
    axes = {"input": {2: "height", 3: "width"}, "output": {2: "h", 3: "w"}} if dynamic else None
    names = dict(input_names=["input"], output_names=["output"], dynamic_axes=axes)
    network = build(name)
    if name in ("fbcnn", "hvicidnet", "lama", "realcugan"):
        # Further results or inputs that are no picture.
        whole = network

        class First(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.whole = whole

            def forward(self, x):
                y = self.whole(x, x[:, :1]) if name == "lama" else self.whole(x)
                return y[0] if isinstance(y, (tuple, list)) else y

        network = First().eval()
    with torch.no_grad():
        try:
            torch.onnx.export(network, (x,), path, opset_version=17, dynamo=False, **names)
        except Exception:
            # The newer exporter knows other operators, at one size.
            names["dynamic_axes"] = None
            torch.onnx.export(network, (x,), path, opset_version=18, dynamo=True, external_data=False, verbose=False, **names)


def main():
    warnings.filterwarnings("ignore")
    folder, names = sys.argv[1], sys.argv[2:] or list(ZOO)
    os.makedirs(folder, exist_ok=True)
    failed = 0
    # The exporter prints whole graphs where it fails.
    say = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for name in names:
        path = os.path.join(folder, f"{name}.onnx")
        if os.path.exists(path):
            continue
        try:
            export(name, path + ".part")
            os.rename(path + ".part", path)
            print(f"{name}: {os.path.getsize(path)} bytes", file=say, flush=True)
        except Exception as error:
            failed += 1
            print(f"{name}: not exported: {type(error).__name__}: {str(error)[:150]}", file=say, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
