"""Plots predicted against reference forces: norms.svg/.png and angles.svg/.png, one panel per class of atom.

usage: plot_forces.py DATA.json FOLDER

All text in the panels comes from the data; only the colours, which show the density of the points, are computed here.
Norms in eV/Angstrom, angles in degrees.
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import gaussian_kde

# Largest number of points from which the density is computed; more points take longer without a visible difference.
MOST_KERNELS = 2000
MOST_COLUMNS = 3


def density(x, y):
    """Returns the relative density of points at each point; None if there are too few or all are on a line."""
    points = np.vstack([x, y])
    every = max(1, points.shape[1] // MOST_KERNELS)
    try:
        return gaussian_kde(points[:, ::every])(points)
    except (ValueError, np.linalg.LinAlgError):
        return None


def scatter(ax, x, y):
    x, y = np.asarray(x), np.asarray(y)
    colors = density(x, y)
    if colors is None:
        style = {'color': 'C0'}
    else:
        order = np.argsort(colors, kind='stable')
        x, y, style = x[order], y[order], {'c': colors[order], 'cmap': 'viridis'}
    ax.scatter(x, y, s=6, linewidths=0, rasterized=len(x) > 20_000, **style)


def figure(data, draw, path):
    classes = data['classes']
    columns = min(MOST_COLUMNS, len(classes))
    rows = -(-len(classes) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(3.4 * columns, 3.2 * rows), squeeze=False, layout='constrained')
    for ax in axes.flat[len(classes):]:
        ax.set_visible(False)
    for ax, entry in zip(axes.flat, classes):
        draw(ax, entry)
        ax.set_title(f"{entry['name']} ({len(entry['reference_norm'])} atoms)", fontsize=9)
    fig.suptitle(data['title'], fontsize=10)
    for suffix in ('svg', 'png'):
        metadata = {'Date': None} if suffix == 'svg' else None
        fig.savefig(path.with_suffix('.' + suffix), dpi=200, metadata=metadata)
    plt.close(fig)


def draw_norms(ax, entry):
    x, y = entry['reference_norm'], entry['predicted_norm']
    top = 1.05 * max(max(x), max(y))
    ax.plot([0, top], [0, top], color='0.6', linewidth=0.8, zorder=0)
    scatter(ax, x, y)
    ax.set(xlim=(0, top), ylim=(0, top), aspect='equal', xlabel='reference |F| (eV/Å)', ylabel='predicted |F| (eV/Å)')
    ax.text(0.04, 0.94, f"RMSE {entry['norm_rmse']:.3f} eV/Å", transform=ax.transAxes, va='top', fontsize=8)


def draw_angles(ax, entry):
    x, y = entry['reference_norm'], entry['angle']
    scatter(ax, x, y)
    ax.set(xlim=(0, 1.05 * max(x)), ylim=(0, 180), yticks=range(0, 181, 30), xlabel='reference |F| (eV/Å)',
           ylabel='angle (°)')
    ax.text(0.96, 0.94, f"w. a. {entry['weighted_angle']:.1f}°", transform=ax.transAxes, ha='right', va='top', fontsize=8)


def main():
    data = json.loads(pathlib.Path(sys.argv[1]).read_text())
    folder = pathlib.Path(sys.argv[2])
    plt.rcParams.update({'svg.hashsalt': 'aurelax', 'font.size': 8})
    figure(data, draw_norms, folder / 'norms')
    figure(data, draw_angles, folder / 'angles')


if __name__ == '__main__':
    main()
